import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';

const RESOLUTION_MS = 50;
const SLICE_MS = 10_000;
/** How long a monitor runs beside the next one: until that one's timer has fired. */
const OVERLAP_MS = 100;
/** How many slices count besides the one that runs, so that none younger than a minute is forgotten. */
const SLICES = 6;
const NANOSECONDS = 1e6;

/**
 * The longest pause of this thread's event loop within the last minute, whoever asks and however often:
 * perf_hooks.monitorEventLoopDelay, whose timer fires every 50 ms, so that a pause reads up to 50 ms too short. Keeps
 * no process alive.
 *
 * Each slice has a monitor of its own, which ends a moment after the next has begun: one that is reset forgets a pause
 * that is under way.
 */
export class EventLoopPause {
  /** The last is the one that runs. */
  readonly #slices = [startMonitor()];
  readonly #timer = setInterval(() => this.#nextSlice(), SLICE_MS).unref();

  get longestMs(): number {
    // What it measures is the time between two firings of its timer.
    const longest = Math.max(...this.#slices.map((monitor) => monitor.max / NANOSECONDS));
    return Math.max(0, longest - RESOLUTION_MS);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const monitor of this.#slices) monitor.disable();
  }

  #nextSlice(): void {
    const ending = this.#slices.at(-1);
    this.#slices.push(startMonitor());
    if (this.#slices.length > SLICES + 1) this.#slices.shift();
    setTimeout(() => ending?.disable(), OVERLAP_MS).unref();
  }
}

function startMonitor(): IntervalHistogram {
  const monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  monitor.enable();
  return monitor;
}
