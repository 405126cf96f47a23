import type { NamespaceRates, QueueRow, SampleMessage } from '../../watch/http/messages';
import { shareOf } from './text';

/** One sample as the page keeps it. */
export interface Sample {
  /** Seconds since 1970. */
  time: number;
  rows: ReadonlyMap<number, QueueRow>;
  namespace: NamespaceRates | null;
}

const KEPT_SECONDS = 600;

/** The samples of the last ten minutes. */
export class Samples {
  readonly #kept: Sample[] = [];
  readonly #peaks = new Map<number, number>();

  add({ time, queues, namespace }: SampleMessage): void {
    const rows = new Map(queues.map((row) => [row[0], row]));
    // A clock that was set back would have the lines run backwards.
    while ((this.last?.time ?? 0) > time / 1000) this.#kept.pop();
    this.#kept.push({ time: time / 1000, rows, namespace });
    while ((this.#kept[0]?.time ?? Infinity) < time / 1000 - KEPT_SECONDS) this.#kept.shift();
    for (const id of this.#peaks.keys()) if (!rows.has(id)) this.#peaks.delete(id);
    for (const row of queues) this.#peaks.set(row[0], Math.max(this.peak(row[0]), shareOf(row) ?? 0));
  }

  clear(): void {
    this.#kept.length = 0;
    this.#peaks.clear();
  }

  get last(): Sample | undefined {
    return this.#kept.at(-1);
  }

  /** Those of the last `seconds`, oldest first. */
  within(seconds: number): readonly Sample[] {
    const from = (this.last?.time ?? 0) - seconds;
    const first = this.#kept.findIndex(({ time }) => time >= from);
    return first < 0 ? [] : this.#kept.slice(first);
  }

  /** How full a listener has been since it was first seen. */
  peak(id: number): number {
    return this.#peaks.get(id) ?? 0;
  }
}
