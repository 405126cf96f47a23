import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { MOST_CHOSEN } from './choice';
import { fillList, make, setText } from './dom';
import type { Frame } from './frame';
import type { Measure } from './measures';
import { plotOptions } from './plot-options';
import { setSwatch, swatch } from './swatch';
import { clockText, NOTHING } from './text';

/** What one value of the list below a chart's title is. */
interface Value {
  name: string;
  slot: number | undefined;
  text: string;
}

const EMPTY: Frame = { times: [], samples: [], chosen: [], rows: [] };

/** One chart over time, with the values at its cursor, or the newest ones, as text. */
export class Chart {
  readonly element = make('figure', 'chart');
  /** What takes the keys. */
  readonly area = make('div', 'plot');
  readonly measure: Measure;
  readonly #unit = make('small');
  readonly #time = make('span', 'time');
  readonly #values = make('ul', 'values');
  readonly #plot: uPlot;
  #frame = EMPTY;

  constructor(measure: Measure) {
    this.measure = measure;
    const title = make('h3', '', `${measure.title} `, this.#unit);
    this.element.append(make('figcaption', '', title, this.#time), this.#values, this.area);
    this.element.dataset['measure'] = measure.name;
    this.area.tabIndex = 0;
    // So that the arrow keys come here, and not to a screen reader's own cursor.
    this.area.setAttribute('role', 'application');
    this.area.setAttribute('aria-roledescription', 'chart');
    this.area.setAttribute('aria-label', `${measure.title} over time`);
    this.#plot = new uPlot(
      plotOptions(measure, () => this.#frame),
      [[]],
      this.area,
    );
    this.#plot.hooks.setCursor = [() => this.#read()];
    new ResizeObserver(() => this.#resize()).observe(this.area);
  }

  /** Shows the frame from one time to another, in seconds. */
  draw(frame: Frame, [min, max]: readonly [number, number]): void {
    this.#frame = frame;
    const { measure } = this;
    const nothing = frame.times.map(() => null);
    const lines = Array.from({ length: MOST_CHOSEN }, (_, slot) => {
      const rows = frame.rows[slot] ?? [];
      return rows.length === 0
        ? nothing
        : rows.map((row) => (row === undefined ? null : measure.valueOf(row, frame)));
    });
    this.#plot.batch(() => {
      this.#plot.setData([[...frame.times], measure.line?.valuesOf(frame) ?? nothing, ...lines], false);
      this.#plot.setScale('x', { min, max });
    });
    setText(this.#unit, measure.unit(frame));
    this.#read();
  }

  /** Draws the same in the colours of now. */
  redraw(): void {
    this.#plot.redraw(false, true);
  }

  /** Puts the cursor at that time; undefined takes it away. */
  point(time: number | undefined): void {
    const left = time === undefined ? -10 : this.#plot.valToPos(time, 'x');
    this.#plot.setCursor({ left, top: time === undefined ? -10 : 0 });
  }

  /** The time and the values at the cursor, as they are spoken. */
  spoken(): string {
    const values = this.#valuesAt(this.#index()).map(({ name, text }) => `${name} ${text}`);
    return `${this.#time.textContent}. ${values.length === 0 ? 'No listener is chosen.' : values.join('; ')}`;
  }

  #index(): number {
    const { idx } = this.#plot.cursor;
    return Math.min(idx ?? Infinity, this.#frame.times.length - 1);
  }

  #read(): void {
    const index = this.#index();
    setText(this.#time, clockOf(this.#frame.times[index]));
    this.element.classList.toggle('past', index < this.#frame.times.length - 1);
    fillList(
      this.#values,
      this.#valuesAt(index),
      () => make('li', '', swatch(), make('span'), make('span')),
      (item, { name, slot, text }) => {
        const [line, label, value] = item.children as unknown as [HTMLElement, HTMLElement, HTMLElement];
        setSwatch(line, slot);
        line.classList.toggle('whole', slot === undefined);
        // The key above the charts says whose line is whose.
        label.classList.toggle('unseen', slot !== undefined);
        setText(label, `${name} `);
        setText(value, text);
        (item as HTMLElement).title = name;
      },
    );
  }

  #valuesAt(index: number): Value[] {
    const { chosen, rows } = this.#frame;
    const values: Value[] = chosen.map(({ address, slot }) => {
      const row = rows[slot]?.[index];
      return { name: address, slot, text: row === undefined ? NOTHING : this.measure.textOf(row) };
    });
    const listed = this.measure.line?.listed;
    if (listed !== undefined && chosen.length > 0) {
      values.push({ name: listed.name, slot: undefined, text: listed.textOf(this.#frame, index) });
    }
    return values;
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.area;
    if (width > 0) this.#plot.setSize({ width, height });
  }
}

function clockOf(time: number | undefined): string {
  return time === undefined ? '' : clockText(time);
}
