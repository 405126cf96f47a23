import { make } from './dom';

/** How the line of each slot is dashed: colour is not all that tells lines apart. */
export const DASHES: readonly (readonly number[])[] = [
  [],
  [7, 3],
  [2, 2.5],
  [9, 3, 2, 3],
  [14, 3],
  [4, 4],
  [9, 3, 2, 3, 2, 3],
  [1.5, 5],
];

const SVG = 'http://www.w3.org/2000/svg';

/** A piece of the line of a slot. */
export function swatch(): HTMLElement {
  const [svg, line] = [document.createElementNS(SVG, 'svg'), document.createElementNS(SVG, 'line')];
  for (const [name, value] of Object.entries({ viewBox: '0 0 28 10', width: '28', height: '10' })) {
    svg.setAttribute(name, value);
  }
  for (const [name, value] of Object.entries({ x1: '1', y1: '5', x2: '27', y2: '5' })) {
    line.setAttribute(name, value);
  }
  svg.append(line);
  const element = make('span', 'swatch', svg);
  element.setAttribute('aria-hidden', 'true');
  return element;
}

/** Gives it the look of that slot; of none, it keeps its place and is not seen. */
export function setSwatch(element: HTMLElement, slot: number | undefined): void {
  const wanted = slot === undefined ? '' : String(slot + 1);
  if (element.dataset['slot'] === wanted) return;
  element.dataset['slot'] = wanted;
  const line = element.querySelector('line');
  line?.setAttribute('stroke-dasharray', slot === undefined ? '' : (DASHES[slot] ?? []).join(' '));
}
