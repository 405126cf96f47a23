const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5000;
/** A thread that lived this long did not die of how it was started. */
const STEADY_MS = 5000;

/** Replaces threads that died, after a delay that grows for as long as those that take the same seat die young. */
export class Respawner {
  /** How many threads were replaced. */
  count = 0;

  readonly #spawn: (seat: number) => void;
  readonly #delays = new Map<number, number>();
  readonly #timers = new Map<number, NodeJS.Timeout>();
  #held = true;

  /** `spawn` may throw, where the system gives no more threads: it is tried again. */
  constructor(spawn: (seat: number) => void) {
    this.#spawn = spawn;
  }

  /** How many threads are still to be started. */
  get waiting(): number {
    return this.#timers.size;
  }

  now(seat: number): void {
    try {
      this.#spawn(seat);
    } catch {
      this.later(seat, 0);
    }
  }

  /** Starts another thread in place of one that lived `livedMs`, after the time that this returns. */
  later(seat: number, livedMs: number): number {
    const last = livedMs < STEADY_MS ? this.#delays.get(seat) : undefined;
    const delayMs = last === undefined ? FIRST_DELAY_MS : Math.min(2 * last, LONGEST_DELAY_MS);
    this.#delays.set(seat, delayMs);
    const timer = setTimeout(() => {
      this.#timers.delete(seat);
      this.count++;
      this.now(seat);
    }, delayMs);
    this.#timers.set(seat, timer);
    if (!this.#held) timer.unref();
    return delayMs;
  }

  hold(on: boolean): void {
    this.#held = on;
    for (const timer of this.#timers.values()) {
      if (on) timer.ref();
      else timer.unref();
    }
  }

  clear(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}
