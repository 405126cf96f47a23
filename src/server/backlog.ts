import * as check from '../validate';

/** What Node hands to listen(2) where nobody asked for anything. */
export const DEFAULT_BACKLOG = 511;

/**
 * The backlog that the arguments of net.Server's `listen()` ask for, read where Node reads it: in the options, then second,
 * then third. undefined if it was left out, or is null.
 *
 * @throws ERR_OUT_OF_RANGE, ERR_INVALID_ARG_TYPE for what no int32 is
 */
export function askedBacklog(args: readonly unknown[]): number | undefined {
  const [first, second, third] = args;
  const inOptions = (first as { backlog?: unknown } | null | undefined)?.backlog;
  if (typeof first === 'object' && inOptions !== undefined && inOptions !== null)
    return check.int32(asNumber(inOptions), 'options.backlog');
  return inSecondPlace(second) ?? inThirdPlace(third);
}

/** A string there is a host, unless Node takes it for a number too; what else is no number there, no backlog. */
function inSecondPlace(value: unknown): number | undefined {
  const number = typeof value === 'string' && Number(value) > 0 ? Number(value) : value;
  return typeof number === 'string' || typeof number === 'object' ? undefined : inThirdPlace(number);
}

function inThirdPlace(value: unknown): number | undefined {
  if (value === undefined || value === null || typeof value === 'function') return undefined;
  return check.int32(asNumber(value), 'backlog');
}

/** net.Server takes a numeric string, as from the environment, for its number. */
export function asNumber(value: unknown): unknown {
  return typeof value === 'string' && value.trim() !== '' && !Number.isNaN(Number(value))
    ? Number(value)
    : value;
}

/**
 * The same arguments for a worker of node:cluster, whose primary process may be the one that listens: a backlog goes there
 * as a string, since on the way Node makes 511 of the number 0, and not of '0'.
 */
export function withBacklogForPrimary(args: readonly unknown[], backlog: number | undefined): unknown[] {
  const [first, second] = args;
  if (backlog === undefined) return [...args];
  const text = String(backlog);
  if (isPlainOptions(first)) return [{ ...first, backlog: text }, ...args.slice(1)];
  const callback = args.findLast((value) => typeof value === 'function');
  const place = placeOf(first, second);
  return place === undefined ? [...args] : [{ ...place, backlog: text }, callback];
}

/** Options that name a port or a path: what else there is, a handle or a descriptor, keeps its place. */
function isPlainOptions(value: unknown): value is object {
  return typeof value === 'object' && value !== null && ('port' in value || 'path' in value);
}

function placeOf(first: unknown, second: unknown): object | undefined {
  if (first === undefined || first === null) return { port: 0 };
  if (typeof first !== 'number' && typeof first !== 'string') return undefined;
  const isPath = typeof first === 'string' && !(Number(first) >= 0);
  if (isPath) return { path: first };
  return typeof second === 'string' ? { port: first, host: second } : { port: first };
}
