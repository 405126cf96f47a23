import { fillList, make, setText } from './dom';
import type { Sample } from './samples';
import { rateText } from './text';

const NAMES = ['into the queues', 'accepted', 'overflows', 'drops', 'cookies sent'] as const;
/** From here on a number that is not 0 is a client that had to wait or to try again. */
const FIRST_TROUBLE = 2;

/** What the namespace does a second. */
export function showFigures(list: HTMLElement, sample: Sample | undefined): void {
  const figures = NAMES.map((name, i) => ({
    name,
    rate: sample?.namespace?.[i] ?? null,
    trouble: i >= FIRST_TROUBLE,
  }));
  fillList(
    list,
    figures,
    () => make('div', '', make('dt'), make('dd')),
    (element, { name, rate, trouble }) => {
      const [term, value] = element.children as unknown as [HTMLElement, HTMLElement];
      setText(term, name);
      setText(value, rateText(rate));
      value.classList.toggle('dropping', trouble && (rate ?? 0) > 0);
    },
  );
}
