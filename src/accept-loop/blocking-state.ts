/** What a blocking server is doing, as all its threads see it. */
export const Phase = {
  /** Accepts and serves. */
  RUNNING: 0,
  /** Serves what the kernel has queued, and then stops. */
  DRAINING: 1,
  /** Accepts no more; handlers that run may finish. */
  STOPPING: 2,
  /** Time is up: handlers that run are interrupted. */
  ENDING: 3,
} as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

const ACCEPTED = 0;
const FAILED = 1;
const COUNTERS_BYTES = 16;

const PHASE = 0;
const ANNOUNCED = 1;
const SHORT_AT = 2;
const FIRST_SEAT = 3;

/** A shortage that comes back within this is the same one. */
const EPISODE_MS = 1000;

/** A clock that all threads of the process share, in milliseconds modulo 2^32. */
function now(): number {
  return Number(BigInt.asIntN(32, process.hrtime.bigint() / 1_000_000n));
}

/**
 * The memory that the calling thread and the threads of a blocking server share: the phase, the counters, and for each
 * seat (which a thread and those that replace it take) whether a connection is being served there.
 */
export class BlockingState {
  readonly memory: SharedArrayBuffer;
  readonly #counters: BigInt64Array;
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#counters = new BigInt64Array(memory, 0, COUNTERS_BYTES / BigInt64Array.BYTES_PER_ELEMENT);
    this.#words = new Int32Array(memory, COUNTERS_BYTES);
  }

  static ofSeats(count: number): BlockingState {
    const bytes = COUNTERS_BYTES + (FIRST_SEAT + count) * Int32Array.BYTES_PER_ELEMENT;
    const state = new BlockingState(new SharedArrayBuffer(bytes));
    Atomics.store(state.#words, SHORT_AT, now() - 2 * EPISODE_MS);
    return state;
  }

  get phase(): Phase {
    return Atomics.load(this.#words, PHASE) as Phase;
  }

  set phase(phase: Phase) {
    Atomics.store(this.#words, PHASE, phase);
  }

  /** Ends the drain; false if it is over already, or was none. */
  drained(): boolean {
    return Atomics.compareExchange(this.#words, PHASE, Phase.DRAINING, Phase.STOPPING) === Phase.DRAINING;
  }

  /** Lets `awaitAnnouncement` go on: a message is there, or the thread has ended. */
  announce(): void {
    Atomics.store(this.#words, ANNOUNCED, 1);
    Atomics.notify(this.#words, ANNOUNCED);
  }

  /** Blocks until a thread has announced itself; false if none has within `timeoutMs`. */
  awaitAnnouncement(timeoutMs: number): boolean {
    return Atomics.wait(this.#words, ANNOUNCED, 0, timeoutMs) !== 'timed-out';
  }

  begin(seat: number): void {
    Atomics.add(this.#counters, ACCEPTED, 1n);
    Atomics.store(this.#words, FIRST_SEAT + seat, 1);
  }

  end(seat: number): void {
    Atomics.store(this.#words, FIRST_SEAT + seat, 0);
  }

  fail(): void {
    Atomics.add(this.#counters, FAILED, 1n);
  }

  /** Notes a shortage; true if it begins with this, for all threads together. */
  beginsShortage(): boolean {
    const at = now();
    // Differences wrap as the clock does.
    return ((at - Atomics.exchange(this.#words, SHORT_AT, at)) | 0) > EPISODE_MS;
  }

  get accepted(): number {
    return Number(Atomics.load(this.#counters, ACCEPTED));
  }

  get failed(): number {
    return Number(Atomics.load(this.#counters, FAILED));
  }

  get active(): number {
    return this.#words.subarray(FIRST_SEAT).reduce((sum, serving) => sum + serving, 0);
  }
}
