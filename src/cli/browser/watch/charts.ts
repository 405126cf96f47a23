import { onThemeChange } from '../theme';
import { Chart } from './chart';
import { byId, setText } from './dom';
import type { Frame } from './frame';
import { MEASURES } from './measures';

/** A chart of less would have a handful of samples all over it. */
const LEAST_SECONDS = 30;
const FAR = 10;

/** The charts, which share one cursor: the mouse's, or one that the keys move from sample to sample. */
export class Charts {
  readonly #charts = MEASURES.map((measure) => new Chart(measure));
  readonly #spoken = byId('spoken', HTMLElement);
  #times: readonly number[] = [];
  /** Where the keys have put the cursor. */
  #pinned: number | undefined;

  constructor(place: HTMLElement) {
    for (const chart of this.#charts) {
      place.append(chart.element);
      chart.area.addEventListener('keydown', (event) => this.#key(chart, event));
    }
    place.addEventListener('pointermove', () => (this.#pinned = undefined));
    onThemeChange(() => {
      for (const chart of this.#charts) chart.redraw();
    });
  }

  draw(frame: Frame, seconds: number): void {
    this.#times = frame.times;
    const last = frame.times.at(-1) ?? 0;
    const first = Math.min(Math.max(frame.times[0] ?? 0, last - seconds), last - LEAST_SECONDS);
    for (const chart of this.#charts) chart.draw(frame, [first, last]);
    if (this.#pinned !== undefined) this.#point();
  }

  #key(chart: Chart, event: KeyboardEvent): void {
    const last = this.#times.length - 1;
    const at = this.#pinned === undefined ? last : nearest(this.#times, this.#pinned);
    const step = event.shiftKey ? FAR : 1;
    const to = { ArrowLeft: at - step, ArrowRight: at + step, Home: 0, End: last, Escape: undefined };
    if (!Object.hasOwn(to, event.key) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const index = to[event.key as keyof typeof to];
    this.#pinned = index === undefined ? undefined : this.#times[Math.min(Math.max(index, 0), last)];
    this.#point();
    setText(this.#spoken, chart.spoken());
  }

  #point(): void {
    for (const chart of this.#charts) chart.point(this.#pinned);
  }
}

function nearest(times: readonly number[], time: number): number {
  const after = times.findIndex((one) => one >= time);
  return after < 0 ? times.length - 1 : after;
}
