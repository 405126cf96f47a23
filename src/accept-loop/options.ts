import { BlockList } from 'node:net';
import * as c from '../constants';
import { invalidArgType, invalidArgValue, listenerClosed } from '../errors';
import { native } from '../native/load';
import type { ListenOptions } from '../socket/listen';
import { Listener } from '../socket/listener';
import * as check from '../validate';
import { checkPressure, type CheckedPressure, type PressureOptions } from '../socket/pressure';

export interface AcceptLoopOptions {
  /**
   * How many connections may be accepted and not taken yet. At the bound nothing more is accepted: what comes then waits
   * in the kernel's queue, of exactly the listener's backlog. 0: a connection is accepted only for a caller that waits
   * in `accept()` (or for a 'connection' listener that has returned), so that all others are in the kernel's queue.
   *
   * Default: 4096, or half of RLIMIT_NOFILE if that is less. With it the process carries a pause of its event loop in
   * which backlog + 1 + 4096 clients arrive; each costs a descriptor and, in the kernel, a socket.
   */
  highWaterMark?: number | undefined;
  /**
   * What becomes of a connection that has waited longer than `maxWaitMs`, or that comes when `maxWaiting` wait, or when
   * `maxConnections` are open. The accepting thread does it, also while this thread is busy.
   *
   * - 'wait' (default): it waits. Beyond `maxConnections` it is closed.
   * - 'reset': RST.
   * - 'close': end of stream.
   * - bytes, such as an HTTP 503: they are sent, then the stream ends.
   *
   * All but 'wait' need one of those three limits.
   */
  overload?: 'wait' | 'reset' | 'close' | NodeJS.ArrayBufferView | undefined;
  /** How long a connection may wait, in milliseconds: in the kernel's queue, as far as TCP_INFO tells, and in the
   * loop's. For AF_UNIX the kernel does not tell: the time counts from accept(2). One that the bound, or `pause()`, leaves
   * in the kernel's queue is looked at when it is accepted. Nothing with 'wait'. Default: no limit. */
  maxWaitMs?: number | undefined;
  /** How many may wait in the loop's queue before the next one is refused, which is accepted for that. At most
   * `highWaterMark`. Nothing with 'wait'. Default: no limit. */
  maxWaiting?: number | undefined;
  /** How many connections of this loop may be open: waiting, or handed over and not closed. A net.Socket that was made of
   * one counts until its 'close'; one that was detached no longer counts, and a `dup()` does not. Default: no limit. */
  maxConnections?: number | undefined;
  /** Peers that are closed at once, and never handed over. Rules that are added later count from then on. */
  blockList?: BlockList | undefined;
  /** Emits 'pressure' when so much waits, and 'relief' when it is over; nothing is looked at unless this is given. */
  pressure?: PressureOptions | undefined;
  /** Closes the loop when it is aborted. */
  signal?: AbortSignal | undefined;
}

export interface AcceptOptions {
  /** Gives the wait up. */
  signal?: AbortSignal | undefined;
}

export interface CloseOptions {
  /** Take first all that the kernel has queued, and wait until it is taken from the loop. Default: false. */
  drain?: boolean | undefined;
  /** How long to wait for that, in milliseconds. Default: 5000. */
  timeoutMs?: number | undefined;
}

export interface CheckedOptions {
  highWaterMark: number;
  action: number;
  answer: Uint8Array;
  /** -1: no limit. */
  maxWaitMs: number;
  maxWaiting: number;
  maxConnections: number;
  blockList: BlockList | undefined;
  pressure: CheckedPressure | undefined;
  signal: AbortSignal | undefined;
}

export const LOOP_OPTION_NAMES = [
  'highWaterMark',
  'overload',
  'maxWaitMs',
  'maxWaiting',
  'maxConnections',
  'blockList',
  'pressure',
  'signal',
] as const;

/** In the order of the addon's enum. */
const ACTIONS = ['wait', 'reset', 'close'] as const;
const NO_LIMIT = -1;
const DEFAULT_HIGH_WATER_MARK = 4096;
const NO_ANSWER = new Uint8Array(0);
/** How long `close({ drain: true })` waits unless told. */
export const DRAIN_TIMEOUT_MS = 5000;

/** Checks the options of an accept loop, before anything is started. `of` is what they are called. */
export function checkOptions(options: unknown, of = 'options'): CheckedOptions {
  const given = check.object(options, of);
  check.noOthers(given, LOOP_OPTION_NAMES, of);
  const number = (name: string): number =>
    given[name] === undefined ? NO_LIMIT : check.integer(given[name], `${of}.${name}`, 0);
  const maxWaitMs =
    given['maxWaitMs'] === undefined ? NO_LIMIT : wholeMilliseconds(given['maxWaitMs'], `${of}.maxWaitMs`);
  const { action, answer } = checkOverload(given['overload'], `${of}.overload`);
  const checked = {
    highWaterMark: number('highWaterMark'),
    ...{ action, answer, maxWaitMs, blockList: checkBlockList(given['blockList'], `${of}.blockList`) },
    maxWaiting: number('maxWaiting'),
    maxConnections: number('maxConnections'),
    pressure:
      given['pressure'] === undefined ? undefined : checkPressure(given['pressure'], `${of}.pressure`),
    signal: checkSignal(given['signal'], `${of}.signal`),
  };
  return withDefaults(checked, given['overload'], of);
}

/** Checks the options of `accept()`: its signal, if there is one. */
export function checkAccept(options: unknown): AbortSignal | undefined {
  const given = check.object(options, 'options');
  check.noOthers(given, ['signal'], 'options');
  return checkSignal(given['signal']);
}

export function checkClose(options: unknown): { drain: boolean; timeoutMs: number } {
  const given = check.object(options, 'options');
  check.noOthers(given, ['drain', 'timeoutMs'], 'options');
  const drain = given['drain'] !== undefined && check.boolean(given['drain'], 'options.drain');
  return { drain, timeoutMs: check.timeoutMs(options) ?? DRAIN_TIMEOUT_MS };
}

function withDefaults(checked: CheckedOptions, overload: unknown, of: string): CheckedOptions {
  const { action, maxWaitMs, maxWaiting, maxConnections } = checked;
  if (
    action !== ACTIONS.indexOf('wait') &&
    maxWaitMs === NO_LIMIT &&
    maxWaiting === NO_LIMIT &&
    maxConnections === NO_LIMIT
  ) {
    const reason = 'needs maxWaitMs, maxWaiting or maxConnections, to say when';
    throw invalidArgValue(`${of}.overload`, reason, overload);
  }
  let { highWaterMark } = checked;
  if (highWaterMark === NO_LIMIT) highWaterMark = Math.max(defaultHighWaterMark(), maxWaiting);
  if (maxWaiting > highWaterMark) {
    const reason = `must be at most ${of}.highWaterMark, ${highWaterMark}: more never wait`;
    throw invalidArgValue(`${of}.maxWaiting`, reason, maxWaiting);
  }
  return { ...checked, highWaterMark };
}

/** What waits may not use up the descriptors that those who are served need. */
function defaultHighWaterMark(): number {
  const { soft } = native.getrlimit(c.RLIMIT_NOFILE);
  return Math.min(DEFAULT_HIGH_WATER_MARK, Math.max(1, Math.floor(soft / 2)));
}

/** Up to the next whole one, which is what the clocks of the kernel's queue tell. */
function wholeMilliseconds(value: unknown, name: string): number {
  const ms = check.milliseconds(value, name);
  return ms === Infinity ? NO_LIMIT : check.integer(Math.ceil(ms), name, 0);
}

function checkOverload(value: unknown, name: string): { action: number; answer: Uint8Array } {
  if (value === undefined) return { action: ACTIONS.indexOf('wait'), answer: NO_ANSWER };
  const expected = `'wait', 'reset', 'close', or bytes (a Buffer, TypedArray or DataView)`;
  if (ArrayBuffer.isView(value)) {
    const answer = Uint8Array.from(check.bytes(value, name));
    if (answer.byteLength > 0) return { action: ACTIONS.indexOf('close'), answer };
    throw invalidArgValue(name, `must not be empty: 'close' answers with nothing`, value);
  }
  if (typeof value !== 'string') throw invalidArgType(name, expected, value);
  const action = ACTIONS.findIndex((one) => one === value);
  if (action < 0) throw invalidArgValue(name, `must be ${expected}`, value);
  return { action, answer: NO_ANSWER };
}

function checkBlockList(value: unknown, name: string): BlockList | undefined {
  if (value === undefined || value instanceof BlockList) return value;
  throw invalidArgType(name, 'a net.BlockList', value);
}

/** An AbortSignal, or none. @throws its reason if it is aborted already */
export function checkSignal(value: unknown, name = 'options.signal'): AbortSignal | undefined {
  if (value === undefined) return undefined;
  if (!(value instanceof AbortSignal)) throw invalidArgType(name, 'an AbortSignal', value);
  value.throwIfAborted();
  return value;
}

/** Refuses, of a source that is to be options of `listen`, what is none and why. */
export function checkListenOptions(source: unknown): ListenOptions {
  const given = check.object(source, 'source', 'a Listener, several, or options of listen');
  if (given['type'] === 'listenq.Listener')
    throw invalidArgValue(
      'source',
      'must be a Listener, which Listener.from(handle) makes of a handle',
      source,
    );
  const misplaced = LOOP_OPTION_NAMES.find((name) => given[name] !== undefined);
  if (misplaced === undefined) return given;
  const reason = 'is no option of listen: pass it in the second argument of acceptLoop';
  throw invalidArgValue(`source.${misplaced}`, reason, given[misplaced]);
}

/** The listeners that were given to accept from; undefined if it is something else. */
export function givenListeners(source: unknown): Listener[] | undefined {
  if (source instanceof Listener) return checkListeners([source]);
  const several = source as Partial<Iterable<unknown>> | null | undefined;
  if (typeof several?.[Symbol.iterator] !== 'function' || typeof source === 'string') return undefined;
  return checkListeners([...(several as Iterable<unknown>)]);
}

function checkListeners(listeners: readonly unknown[]): Listener[] {
  if (listeners.length === 0) throw invalidArgValue('source', 'must hold at least one Listener', listeners);
  return listeners.map((listener, index) => {
    if (!(listener instanceof Listener)) throw invalidArgType(`source[${index}]`, 'a Listener', listener);
    if (listener.closed) throw listenerClosed('acceptLoop');
    if (listeners.indexOf(listener) < index)
      throw invalidArgValue(`source[${index}]`, 'is in the list already', listener);
    return listener;
  });
}
