import * as net from 'node:net';
import { inspect } from 'node:util';
import {
  invalidArgType,
  isSystemError,
  serverHasNoDescriptor,
  serverNotRunning,
  SystemCallError,
} from '../errors';
import { queueOfDescriptor, type Queue } from '../kernel/queue';
import { native } from '../native/load';
import * as check from '../validate';
import { Listener, withDescriptor } from './listener';

/** The queues of one listener, as they were when they were read. */
export interface QueueReading extends Queue {
  /**
   * Half-open connections of this listener, which wait for the last packet of their handshake. The kernel is asked, by
   * the socket diagnostics, when this is read for the first time; it then walks all its connections. Listeners that
   * share a port by SO_REUSEPORT have one number together.
   */
  readonly synLength: number | undefined;
  /** Of each field that is undefined: why. */
  readonly why: Readonly<Partial<Record<'drops' | 'synLength', string>>>;
}

const NO_DROPS = 'the kernel counts no drops of this socket itself: it is AF_UNIX or MPTCP';
const NO_HALF_OPEN =
  "this thread's network namespace has no such TCP listener: the socket was made in another one, or is AF_UNIX";

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
  const { length, limit, drops } = withDescriptorOf(source, queueOfDescriptor);
  return new Reading(source, length, limit, drops);
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
    return this.#countHalfOpen().count;
  }

  get why(): QueueReading['why'] {
    const { reason } = this.#countHalfOpen();
    return {
      ...(this.drops === undefined && { drops: NO_DROPS }),
      ...(reason !== undefined && { synLength: reason }),
    };
  }

  toJSON(): QueueReading {
    const { length, limit, drops, synLength, why } = this;
    return { length, limit, drops, synLength, why };
  }

  [inspect.custom](): QueueReading {
    return this.toJSON();
  }

  #countHalfOpen(): HalfOpen {
    return (this.#halfOpen ??= withDescriptorOf(this.#source, countHalfOpen));
  }
}

function countHalfOpen(fd: number): HalfOpen {
  try {
    const count = native.synLength(fd);
    return count === undefined ? { count, reason: NO_HALF_OPEN } : { count };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return { count: undefined, reason: `the socket diagnostics say ${error.code}` };
  }
}

function withDescriptorOf<T>(source: unknown, call: (fd: number) => T): T {
  if (source instanceof Listener) return withDescriptor(source, 'queueOf', call);
  if (typeof source === 'number') return ofDescriptor(check.integer(source, 'source', 0), call);
  if (source instanceof net.Server) return call(descriptorOfServer(source));
  throw invalidArgType('source', 'a Listener, a net.Server or a descriptor', source);
}

function ofDescriptor<T>(fd: number, call: (fd: number) => T): T {
  try {
    return call(fd);
  } catch (error) {
    throw error instanceof SystemCallError ? error.with({ asked: `the queue of descriptor ${fd}` }) : error;
  }
}

/** What Node keeps of a server's socket; it has had no public name for it so far. */
interface ServerInternals {
  _handle?: { fd?: unknown } | null;
}

function descriptorOfServer(server: net.Server): number {
  const handle = (server as ServerInternals)._handle;
  if (handle === undefined || handle === null) throw serverNotRunning('queueOf');
  if (typeof handle.fd !== 'number' || handle.fd < 0) throw serverHasNoDescriptor('queueOf');
  return handle.fd;
}
