import * as sys from 'listenq/syscalls';

/** 'ok', or the code of the error that the kernel answered with. Other errors pass. */
export function outcome(call: () => unknown): string {
  return answer(() => {
    call();
    return 'ok';
  });
}

/** What the call returned, or the code of the error that the kernel answered with. */
export function answer(call: () => string | number | boolean): string {
  try {
    return String(call());
  } catch (error) {
    if (error instanceof sys.SystemCallError) return error.code;
    throw error;
  }
}

/** Several answers in one line. */
export function answers(...parts: (string | number | boolean)[]): string {
  return parts.join(' / ');
}

/** Waits until `holds` is true, at most `ms`; whether it came to be. Sleeps in between. */
export function eventually(holds: () => boolean, ms = 1500): boolean {
  const until = performance.now() + ms;
  while (!holds()) {
    if (performance.now() >= until) return false;
    sleep(2);
  }
  return true;
}

const clock = new Int32Array(new SharedArrayBuffer(4));

/** Blocks this thread. */
export function sleep(ms: number): void {
  Atomics.wait(clock, 0, 0, ms);
}

/** Tells `within` which part of a measurement must be quick: all of it, unless these are called. */
export interface Stopwatch {
  /** May be called again, and then starts anew. */
  start: () => void;
  stop: () => void;
}

/**
 * Repeats a measurement until its timed part took less than `ms`: a later look would also see what the kernel's timers
 * did meanwhile, such as SYNs sent again.
 */
export function within<T>(ms: number, measure: (watch: Stopwatch) => T): T {
  let seen: T | undefined;
  for (let i = 0; i < 10; i++) {
    let from = performance.now();
    let to: number | undefined;
    seen = measure({
      start: () => {
        from = performance.now();
      },
      stop: () => {
        to = performance.now();
      },
    });
    if ((to ?? performance.now()) - from < ms) return seen;
  }
  throw new Error(
    `this machine is too busy: ten measurements each took over ${ms} ms; the last one gave ${JSON.stringify(seen)}`,
  );
}
