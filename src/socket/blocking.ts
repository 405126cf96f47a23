import { interrupted } from '../errors';
import { native } from '../native/load';

/**
 * The longest that a blocking-style call stays inside the addon, in milliseconds. A thread that is in there cannot be
 * terminated, and holds process.exit() up; between two slices it can.
 */
export const CEILING_MS = 200;

/** A moment on the clock of performance.now(), or Infinity. */
export type Deadline = number;

export function deadlineAfter(timeoutMs: number | undefined): Deadline {
  return timeoutMs === undefined ? Infinity : performance.now() + timeoutMs;
}

/** How long the next wait may be: to the deadline, but no longer than the ceiling. */
export function sliceUntil(deadline: Deadline): number {
  if (deadline === Infinity) return CEILING_MS;
  return Math.max(0, Math.min(CEILING_MS, Math.ceil(deadline - performance.now())));
}

export function timeIsUp(deadline: Deadline): boolean {
  return deadline !== Infinity && performance.now() >= deadline;
}

/** Throws if another thread interrupted this one. */
export function checkInterrupt(call: string): void {
  if (native.takeInterrupt()) throw interrupted(call);
}

/** Called after a slice that brought nothing: throws if another thread interrupted this one, or if time is up. */
export function keepWaiting(deadline: Deadline, call: string, outOfTime: () => Error): void {
  checkInterrupt(call);
  if (timeIsUp(deadline)) throw outOfTime();
}
