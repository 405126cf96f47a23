import type { QueueRow, Who } from '../../watch/http/messages';
import type { Choice } from './choice';
import { make, setText } from './dom';
import { setSwatch, swatch } from './swatch';
import { known, levelOf, NOTHING, queueText, rateText, shareOf, WORDS } from './text';

/** A listener of the newest sample. */
export interface Entry {
  who: Who;
  row: QueueRow;
}

/** A browser lays out so many rows each second without effort. */
const MOST_ROWS = 200;

interface Column {
  title: string;
  fill: (cell: HTMLElement, entry: Entry) => void;
  number?: true;
}

const text = (textOf: (entry: Entry) => string): Column['fill'] => {
  return (cell, entry) => setText(cell, textOf(entry));
};

const COLUMNS: readonly Column[] = [
  { title: 'Owner', fill: text(({ who }) => who.owner) },
  { title: 'Queue', fill: fillQueue },
  { title: 'SYN queue', number: true, fill: text((entry) => ofTcp(entry, entry.row[3])) },
  { title: 'Drops', number: true, fill: fillDrops((entry) => [entry.row[4], ofTcp(entry, entry.row[4])]) },
  { title: 'Drops/s', number: true, fill: fillDrops(({ row }) => [row[5], rateText(row[5])]) },
  { title: 'Accepts/s ≥', number: true, fill: text(({ row }) => rateText(row[6])) },
];

/** All listeners, the fullest first; their checkboxes choose who has a line. */
export class Table {
  readonly #empty = make('p', 'empty', 'Nobody listens.');
  readonly #more = make('p', 'note');
  readonly #table = make('table');
  readonly #body = make('tbody');
  readonly #rows = new Map<number, HTMLTableRowElement>();
  readonly #onToggle: (who: Who) => void;

  constructor(place: HTMLElement, onToggle: (who: Who) => void) {
    this.#onToggle = onToggle;
    const head = make('tr', '', ...['Listener', ...COLUMNS.map(({ title }) => title)].map(headCell));
    this.#table.append(make('thead', '', head), this.#body);
    // On a narrow screen rows are laid out as cards, which takes from some browsers that this is a table.
    asTable(this.#table);
    place.append(this.#empty, this.#table, this.#more);
  }

  draw(entries: readonly Entry[], choice: Choice): void {
    const shown = entries.slice(0, MOST_ROWS);
    const left = entries.length - shown.length;
    this.#empty.hidden = shown.length > 0;
    this.#table.hidden = shown.length === 0;
    this.#more.hidden = left === 0;
    setText(this.#more, `… ${left} more`);
    const present = new Set(shown.map(({ who }) => who.id));
    for (const [id, row] of this.#rows) {
      if (present.has(id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
    for (const entry of shown) this.#fill(this.#rowOf(entry.who), entry, choice);
    if (!this.#isInUse()) this.#sort(shown);
  }

  /** Rows stay where they are under somebody's finger. */
  #isInUse(): boolean {
    if (this.#body.contains(document.activeElement)) return true;
    return matchMedia('(hover: hover)').matches && this.#body.matches(':hover');
  }

  #sort(shown: readonly Entry[]): void {
    for (const [i, { who }] of shown.entries()) {
      const row = this.#rowOf(who);
      const there = this.#body.children[i] ?? null;
      if (there !== row) this.#body.insertBefore(row, there);
    }
  }

  #rowOf(who: Who): HTMLTableRowElement {
    const known = this.#rows.get(who.id);
    if (known !== undefined) return known;
    const box = make('input');
    box.type = 'checkbox';
    box.addEventListener('change', () => this.#onToggle(who));
    const name = make('th', '', make('label', '', box, swatch(), make('span', 'address')));
    name.scope = 'row';
    name.setAttribute('role', 'rowheader');
    const row = make('tr', '', name, ...COLUMNS.map(cell));
    row.setAttribute('role', 'row');
    this.#rows.set(who.id, row);
    this.#body.append(row);
    return row;
  }

  #fill(row: HTMLTableRowElement, entry: Entry, choice: Choice): void {
    const slot = choice.slotOf(entry.who.id);
    const [box, line] = [row.querySelector('input'), row.querySelector<HTMLElement>('.swatch')];
    if (box !== null) box.checked = slot !== undefined;
    if (line !== null) setSwatch(line, slot);
    const address = row.querySelector('.address');
    if (address !== null) setText(address, entry.who.address);
    row.dataset['level'] = levelOf(shareOf(entry.row));
    for (const [i, { fill }] of COLUMNS.entries()) {
      const target = row.children[i + 1];
      if (target instanceof HTMLElement) fill(target, entry);
    }
  }
}

function headCell(title: string): HTMLElement {
  const head = make(
    'th',
    COLUMNS.some((column) => column.title === title && column.number) ? 'number' : '',
    title,
  );
  head.scope = 'col';
  head.setAttribute('role', 'columnheader');
  return head;
}

function cell({ title, number }: Column): HTMLElement {
  const made = make('td', number === true ? 'number' : '');
  made.setAttribute('role', 'cell');
  made.dataset['title'] = title;
  if (title === 'Queue')
    made.append(make('span', 'bar', make('span')), make('span', 'of'), ' ', make('span', 'word'));
  return made;
}

function ofTcp({ who }: Entry, value: number | null): string {
  return who.isUnix ? NOTHING : known(value);
}

function asTable(table: HTMLTableElement): void {
  table.setAttribute('role', 'table');
  for (const group of table.children) group.setAttribute('role', 'rowgroup');
  for (const row of table.rows) row.setAttribute('role', 'row');
}

function fillQueue(target: HTMLElement, { row }: Entry): void {
  const share = shareOf(row);
  const [bar, of, word] = target.children as unknown as [HTMLElement, HTMLElement, HTMLElement];
  const filled = bar.firstElementChild as HTMLElement;
  // Anything above nothing shows.
  const percent = share === null || share <= 0 ? 0 : Math.min(Math.max(share * 100, 3), 100);
  filled.style.width = `${percent}%`;
  setText(of, queueText(row));
  setText(word, WORDS[levelOf(share)]);
}

function fillDrops(of: (entry: Entry) => [count: number | null, text: string]): Column['fill'] {
  return (target, entry) => {
    const [count, shown] = of(entry);
    target.classList.toggle('dropping', (count ?? 0) > 0);
    setText(target, shown);
  };
}
