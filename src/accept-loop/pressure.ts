import { invalidArgValue, isSystemError, outOfRange } from '../errors';
import type { Queue } from '../kernel/queue';
import type { Listener } from '../socket/listener';
import * as check from '../validate';

export interface PressureOptions {
  /** From this ratio on there is pressure: 'pressure'. Default: 0.8. */
  highRatio?: number | undefined;
  /** At this ratio, or below, it is over: 'relief'. Less than `highRatio`, so that one client does not make both. Default:
   * half of it. */
  lowRatio?: number | undefined;
  /** How often to look, in milliseconds. Default: 1000. */
  intervalMs?: number | undefined;
}

/** How much waits, of how much can wait, when it was looked at. */
export interface PressureReading {
  /** `waiting` of `room`. From 1 on the next client is dropped by the kernel, or refused. */
  ratio: number;
  /** In the kernel's queues and, of an accept loop, in its own. */
  waiting: number;
  room: number;
}

type PressureEvent = 'pressure' | 'relief';

export interface CheckedPressure {
  highRatio: number;
  lowRatio: number;
  intervalMs: number;
}

const NAMES = ['highRatio', 'lowRatio', 'intervalMs'];
const HIGH_RATIO = 0.8;
const INTERVAL_MS = 1000;

/** Checks the options; `name` says whose they are. */
export function checkPressure(options: unknown, name: string): CheckedPressure {
  const given = check.object(options, name);
  check.noOthers(given, NAMES, name);
  const highRatio = ratio(given['highRatio'] ?? HIGH_RATIO, `${name}.highRatio`);
  const lowRatio = ratio(given['lowRatio'] ?? highRatio / 2, `${name}.lowRatio`);
  if (lowRatio >= highRatio)
    throw invalidArgValue(`${name}.lowRatio`, `must be less than ${name}.highRatio, ${highRatio}`, lowRatio);
  return {
    highRatio,
    lowRatio,
    intervalMs: check.integer(given['intervalMs'] ?? INTERVAL_MS, `${name}.intervalMs`, 1),
  };
}

function ratio(value: unknown, name: string): number {
  if (typeof value !== 'number') return check.integer(value, name, 0);
  if (!(value >= 0 && value <= 1)) throw outOfRange(name, 'a number from 0 to 1', value);
  return value;
}

/** How full the queues of a loop are: its own, of which `waiting` is known, and the kernel's. A loop that refuses those
 * who come when `maxWaiting` wait empties the kernel's all the time: then there is room for so many. */
export function loopLoad(
  { highWaterMark, maxWaiting, action }: { highWaterMark: number; maxWaiting: number; action: number },
  waiting: number,
  listeners: readonly Listener[],
): PressureReading {
  const sheds = action !== 0 && maxWaiting >= 0;
  const kernel = sheds ? { waiting: 0, room: 0 } : queueLoad(listeners);
  return readingOf(waiting + kernel.waiting, (sheds ? maxWaiting : highWaterMark) + kernel.room);
}

function queueLoad(listeners: readonly Listener[]): { waiting: number; room: number } {
  const load = { waiting: 0, room: 0 };
  for (const listener of listeners) {
    const queue = queueUnlessClosed(listener);
    load.waiting += queue?.length ?? 0;
    load.room += queue === undefined ? 0 : queue.limit + 1;
  }
  return load;
}

/** Any thread may close it, at any moment. */
function queueUnlessClosed(listener: Listener): Queue | undefined {
  try {
    return listener.queue();
  } catch (error) {
    if (listener.closed) return undefined;
    throw error;
  }
}

function readingOf(waiting: number, room: number): PressureReading {
  return { ratio: waiting / Math.max(room, 1), waiting, room };
}

/** Of an AF_UNIX queue the diagnostics tell, which take a descriptor: of a shortage 'shortage' tells. */
function readUnlessShort(read: () => PressureReading): PressureReading | undefined {
  try {
    return read();
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/**
 * Looks at `read` at each interval, and tells when the ratio goes beyond the high mark, and then falls to the low one. Does not
 * keep the process alive. Of a thread that is stuck it looks when that is over.
 *
 * @returns ends it
 */
export function watchPressure(
  { highRatio, lowRatio, intervalMs }: CheckedPressure,
  read: () => PressureReading,
  tell: (event: PressureEvent, reading: PressureReading) => void,
): () => void {
  let high = false;
  const look = (): void => {
    const reading = readUnlessShort(read);
    if (reading === undefined) return;
    const isHigh = high ? reading.ratio > lowRatio : reading.ratio >= highRatio;
    if (isHigh === high) return;
    high = isHigh;
    tell(high ? 'pressure' : 'relief', reading);
  };
  const timer = setInterval(look, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
