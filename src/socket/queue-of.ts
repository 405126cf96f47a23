import type * as net from 'node:net';
import { inspect } from 'node:util';
import * as c from '../constants';
import { asking, hasCode, invalidArgType, isSystemError } from '../errors';
import { queueOfDescriptor, type Queue } from '../kernel/queue';
import { native } from '../native/load';
import * as check from '../validate';
import { Listener, withDescriptor } from './listener';
import { descriptorOfServer, isServer } from './server-descriptor';

/** The queues of one listener, as they were when they were read. */
export interface QueueReading extends Queue {
  /**
   * Half-open connections of this listener, which wait for the last packet of their handshake. A getter: the kernel is
   * asked, by the socket diagnostics, when this is read for the first time, and then walks all its connections. What is
   * logged or made JSON has it only if it was read before. Listeners that share a port by SO_REUSEPORT have one number
   * together.
   *
   * @throws ERR_LISTENER_CLOSED, ERR_SERVER_NOT_RUNNING if it was closed meanwhile
   */
  readonly synLength: number | undefined;
  /** Of each field that was read and is undefined: why. */
  readonly why: Readonly<Partial<Record<'drops' | 'synLength', string>>>;
}

const NO_DROPS = 'the kernel counts no drops of this socket itself: it is AF_UNIX or MPTCP';
const UNIX = 'a Unix-domain socket has no SYN queue';
const ELSEWHERE =
  "the diagnostics of this thread's network namespace do not show it: it was made in another one, or is MPTCP on a " +
  'kernel that does not list MPTCP';

/**
 * Reads the accept queue of a listener of any make: TCP_INFO and SO_MEMINFO on its descriptor, cheap enough for each
 * request; of an AF_UNIX listener the socket diagnostics, which cost some microseconds. Does not block.
 *
 * @param source a Listener; a server of node:net, http, https, http2 or tls that listens; or a descriptor
 * @throws ERR_LISTENER_CLOSED; ERR_SERVER_NOT_RUNNING of a server that does not listen; ERR_SERVER_NO_DESCRIPTOR of one
 *   whose socket another process holds; SystemCallError EBADF, ENOTSOCK, EINVAL of a descriptor that does not listen,
 *   EOPNOTSUPP of one that has no queue
 */
export function queueOf(source: Listener | net.Server | number): QueueReading {
  const { length, limit, drops } = readQueueOf(source, 'queueOf');
  return new Reading(source, length, limit, drops);
}

/** @internal The same for `call`, which its errors name. */
export function readQueueOf(source: unknown, call: string): Queue {
  return withDescriptorOf(source, call, queueOfDescriptor);
}

/** @internal Whether that was thrown because the source does not listen any more. */
export function isGone(error: unknown): boolean {
  return hasCode(error, 'ERR_LISTENER_CLOSED', 'ERR_SERVER_NOT_RUNNING', 'ERR_SERVER_NO_DESCRIPTOR');
}

interface HalfOpen {
  count: number | undefined;
  reason?: string;
}

/** A class, since an object literal with accessors costs as much to make as the system calls of its reading. */
class Reading implements QueueReading {
  readonly length: number;
  readonly limit: number;
  readonly drops: number | undefined;
  readonly #source: unknown;
  #halfOpen: HalfOpen | undefined;

  constructor(source: unknown, length: number, limit: number, drops: number | undefined) {
    this.length = length;
    this.limit = limit;
    this.drops = drops;
    this.#source = source;
  }

  get synLength(): number | undefined {
    this.#halfOpen ??= withDescriptorOf(this.#source, 'queueOf', countHalfOpen);
    return this.#halfOpen.count;
  }

  get why(): QueueReading['why'] {
    const reason = this.#halfOpen?.reason;
    return {
      ...(this.drops === undefined && { drops: NO_DROPS }),
      ...(reason !== undefined && { synLength: reason }),
    };
  }

  /** What was read so far: it asks nothing, as it may be logged for each request, and after the listener is closed. */
  toJSON(): Partial<QueueReading> {
    const { length, limit, drops, why } = this;
    return { length, limit, drops, ...(this.#halfOpen && { synLength: this.#halfOpen.count }), why };
  }

  [inspect.custom](): Partial<QueueReading> {
    return this.toJSON();
  }
}

function countHalfOpen(fd: number): HalfOpen {
  try {
    if (native.getsockoptInt(fd, c.SOL_SOCKET, c.SO_DOMAIN) === c.AF_UNIX)
      return { count: undefined, reason: UNIX };
    const count = native.synLength(fd);
    return count === undefined ? { count, reason: ELSEWHERE } : { count };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return { count: undefined, reason: `the socket diagnostics say ${error.code}` };
  }
}

function withDescriptorOf<T>(source: unknown, call: string, use: (fd: number) => T): T {
  if (source instanceof Listener) return withDescriptor(source, call, use);
  if (typeof source === 'number') return ofDescriptor(check.integer(source, 'source', 0), use);
  if (isServer(source)) return use(descriptorOfServer(source, call));
  throw invalidArgType('source', 'a Listener, a net.Server or a descriptor', source);
}

function ofDescriptor<T>(fd: number, call: (fd: number) => T): T {
  return asking(`the queue of descriptor ${fd}`, () => call(fd));
}
