import { invalidArgValue, isShortage, outOfRange } from '../errors';
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
  if (highRatio === 0) throw outOfRange(`${name}.highRatio`, 'a number above 0, up to 1', highRatio);
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

export function readingOf(waiting: number, room: number): PressureReading {
  return { ratio: waiting / Math.max(room, 1), waiting, room };
}

/** Of an AF_UNIX queue the diagnostics tell, which take a descriptor: of a shortage 'shortage' tells. */
function readUnlessShort<Reading>(read: () => Reading): Reading | undefined {
  try {
    return read();
  } catch (error) {
    if (isShortage(error)) return undefined;
    throw error;
  }
}

/**
 * Looks at `read` at each interval, and tells when the ratio goes beyond the high mark, and then falls to the low one. Does not
 * keep the process alive. Of a thread that is stuck it looks when that is over.
 *
 * @returns ends it
 */
export function watchPressure<Reading extends PressureReading>(
  { highRatio, lowRatio, intervalMs }: CheckedPressure,
  read: () => Reading | undefined,
  tell: (event: PressureEvent, reading: Reading) => void,
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
