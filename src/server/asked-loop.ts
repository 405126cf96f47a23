import { checkOptions, type AcceptLoopOptions, type CheckedOptions } from '../accept-loop/options';
import { invalidArgType } from '../errors';

/** What was asked of the accept loop of a server. */
export interface AskedLoop {
  options: CheckedOptions;
  /** Whether a loop, or something of one, was asked for by name: where there can be none that is worth a warning. */
  byName: boolean;
  /** Whether it was said how many may wait. */
  bounded: boolean;
}

/** Checks what a server was given. undefined: no loop. */
export function askedLoop(given: unknown, name: string): AskedLoop | undefined {
  if (given === false) return undefined;
  if (given === undefined || given === true)
    return { options: checkOptions({}, name), byName: given === true, bounded: false };
  if (typeof given !== 'object' || given === null)
    throw invalidArgType(name, 'a boolean, or options of acceptLoop', given);
  const options = checkOptions(given, name);
  const { highWaterMark, maxWaiting } = given as AcceptLoopOptions;
  return {
    options,
    byName: Object.values(given as AcceptLoopOptions).some((value) => value !== undefined),
    bounded: highWaterMark !== undefined || maxWaiting !== undefined,
  };
}
