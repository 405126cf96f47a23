/** An element with that class and these children. Text goes in as text: names are chosen by whoever listens. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className = '',
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  element.append(...children);
  return element;
}

/** The element of the page with that id. @throws Error if the page is another one than this script knows */
export function byId<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`the page has no ${kind.name} #${id}`);
  return element;
}

/** Changes the text, and leaves an equal one as it is: what is selected stays so. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** As many children as there are things: those that are there are filled anew, the others made or taken away. */
export function fillList<Thing>(
  list: Element,
  things: readonly Thing[],
  makeOne: () => Element,
  fill: (element: Element, thing: Thing) => void,
): void {
  while (list.children.length > things.length) list.lastElementChild?.remove();
  for (const [i, thing] of things.entries()) {
    const element = list.children[i] ?? list.appendChild(makeOne());
    fill(element, thing);
  }
}

/** Calls it once for however many times it was asked for until `schedule` comes round. */
export function coalesced(schedule: (call: () => void) => void, call: () => void): () => void {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    schedule(() => {
      isDue = false;
      call();
    });
  };
}
