import * as net from 'node:net';
import { inspect } from 'node:util';
import type { Address } from '../address';
import * as c from '../constants';
import { illegalConstructor, invalidFdType, listenerClosed, timedOut } from '../errors';
import { limitOf, queueOfDescriptor, type Queue } from '../kernel/queue';
import type { ListenerCopy } from '../native/contract';
import { native } from '../native/load';
import * as check from '../validate';
import { checkInterrupt, deadlineAfter, keepWaiting, sliceUntil, timeIsUp } from './blocking';
import { warnIfCapped } from './capped';
import { makeAccepted, type Connection } from './connection';
import { describeSocket } from './describe';
import { LeakWatch, settle } from './leaks';
import { checkHandle, type ListenerHandle } from './listener-handle';
import { localName, packedPeer } from './names';
import { listenOnDescriptor } from './net-server';
import { copyAboveStdio } from './net-socket';
import { optionNumber, readOption, type OptionValue } from './options';
import { reportAccepted, reportClose, reportListen, reportShortage } from './reports';

export interface WaitOptions {
  /** How long to wait, in milliseconds. 0 does not wait; without it there is no limit. */
  timeoutMs?: number;
}

// Kept, as a program may put the drop-in's in its place.
const { createServer } = net;

/** How many connections one call into the addon can bring back. */
const BATCH = native.acceptedFds.length;

const INTERNAL = Symbol('listenq.internal');
let construct: (copy: ListenerCopy, backlog: number | undefined, warnsIfCapped: boolean) => Listener;
let copyOf: (listener: Listener) => ListenerCopy;
let checkCap: (listener: Listener) => void;
let using: <T>(listener: Listener, call: string, use: (fd: number) => T) => T;

const leaks = new LeakWatch<Listener>('Listener', (listener) => {
  const copy = copyOf(listener);
  return () => {
    // Closed by another thread: there is nothing left to leak.
    const open = !copy.closed();
    copy.release();
    return open;
  };
});

/**
 * A listening socket, and this thread's own descriptor for it, non-blocking and CLOEXEC. Made by `listen`.
 *
 * Calls that wait block the thread, in epoll_wait(2); they end when a connection comes, when time is up, when any thread
 * closes the listener, or when another thread calls `interrupt`. At least every 200 ms they let `worker.terminate()`
 * and `process.exit()` through.
 */
export class Listener {
  readonly #copy: ListenerCopy;
  #backlog: number | undefined;
  #closed = false;
  /** Whether a backlog that is capped is worth a warning: once. */
  #warnsIfCapped: boolean;

  static {
    construct = (...parts) => new Listener(INTERNAL, ...parts);
    copyOf = (listener) => listener.#copy;
    using = (listener, call, use) => listener.#using(call, use);
    checkCap = (listener) => {
      listener.#warnIfCapped();
    };
  }

  private constructor(
    guard: symbol,
    copy: ListenerCopy,
    backlog: number | undefined,
    warnsIfCapped: boolean,
  ) {
    if (guard !== INTERNAL) throw illegalConstructor('Listener', 'listen(options) or Listener.from(handle)');
    this.#copy = copy;
    this.#backlog = backlog;
    this.#warnsIfCapped = warnsIfCapped;
    leaks.add(this);
  }

  /**
   * Makes this thread's copy of a listener that another thread shared: fcntl(F_DUPFD_CLOEXEC). Accepts from the same
   * queue; of the threads that wait, the kernel wakes one for each connection.
   *
   * @throws ERR_LISTENER_CLOSED if it was closed meanwhile; ERR_INVALID_ARG_VALUE if `handle` is none; EMFILE
   */
  static from(handle: ListenerHandle): Listener {
    const { token, backlog } = checkHandle(handle);
    const copy = new native.ListenerCopy(token);
    if (copy.closed()) throw listenerClosed('Listener.from');
    return new Listener(INTERNAL, copy, backlog, false);
  }

  /** The descriptor, lent: it stays the listener's. -1 once closed. Whoever reads it may pass the socket to another
   * process, which an accept loop that drains takes into account. */
  get fd(): number {
    return this.#closed ? -1 : this.#copy.lend();
  }

  /** The backlog as it was last asked for through this object; `queue().limit` is what the kernel made of it. Of an
   * adopted descriptor that listened already: that limit, or undefined where it cannot be read. */
  get backlog(): number | undefined {
    return this.#backlog;
  }

  /** Whether the listener was closed, by any thread, or given away. */
  get closed(): boolean {
    return this.#closed || this.#copy.closed();
  }

  /** The address that it is bound to: getsockname(2). */
  address(): Address {
    return this.#using('address', localName);
  }

  /** Changes the backlog of the living queue: listen(2) again. Nobody who waits already is dropped. */
  setBacklog(backlog: number): void {
    check.int32(backlog, 'backlog');
    this.#using('setBacklog', (fd) => {
      native.listen(fd, backlog);
    });
    this.#backlog = backlog;
    this.#warnIfCapped();
    reportListen(this, backlog);
  }

  /**
   * The accept queue as the kernel holds it now: how many wait, the effective backlog (one more than that can wait),
   * and how many SYNs this listener has dropped. TCP_INFO and SO_MEMINFO; for AF_UNIX, which has no count of drops,
   * the socket diagnostics.
   */
  queue(): Queue {
    return this.#using('queue', queueOfDescriptor);
  }

  /**
   * Takes the oldest connection out of the queue: accept4(2). Blocks this thread while the queue is empty.
   *
   * @returns a connection, which the caller owns
   * @throws ERR_LISTENER_CLOSED once any thread has closed the listener; ERR_INTERRUPTED; SystemCallError ETIMEDOUT
   *   when time is up, EMFILE, ENFILE, ENOBUFS, ENOMEM (the queue is left as it is). A connection that failed by
   *   itself is passed over.
   */
  accept(options?: WaitOptions): Connection {
    const deadline = deadlineAfter(check.waitTime(options));
    while (this.#take('accept', 1, sliceUntil(deadline)) === 0) {
      keepWaiting(deadline, 'accept', () => timedOut('accept'));
    }
    return this.#connectionAt(0);
  }

  /** As `accept`, but null instead of waiting. */
  tryAccept(): Connection | null {
    return this.#take('tryAccept', 1, 0) === 0 ? null : this.#connectionAt(0);
  }

  /**
   * Takes what is queued, at most `max`. Blocks while there is nothing; empty when time is up first.
   *
   * @throws as `accept`, but for ETIMEDOUT. A shortage is thrown only if nothing could be taken before it.
   */
  acceptMany(max: number, options?: WaitOptions): Connection[] {
    check.integer(max, 'max', 1);
    const deadline = deadlineAfter(check.waitTime(options));
    const connections: Connection[] = [];
    let taken = this.#takeInto(connections, max, sliceUntil(deadline));
    while (taken === 0) {
      checkInterrupt('acceptMany');
      if (timeIsUp(deadline)) return connections;
      taken = this.#takeInto(connections, max, sliceUntil(deadline));
    }
    // A full batch may have left more behind it.
    while (taken === BATCH && connections.length < max) taken = this.#takeInto(connections, max, 0);
    return connections;
  }

  /** Accepts one connection after another; blocks between them; ends when the listener is closed. */
  *[Symbol.iterator](): Generator<Connection, void, undefined> {
    for (;;) {
      let connection: Connection;
      try {
        connection = this.accept();
      } catch (error) {
        if (this.closed) return;
        throw error;
      }
      yield connection;
    }
  }

  /** A handle for other threads of this process. Being named keeps nothing open. */
  share(): ListenerHandle {
    if (this.closed) throw listenerClosed('share');
    return { type: 'listenq.Listener', token: this.#copy.token(), backlog: this.#backlog };
  }

  /**
   * Reads an option of the listening socket: getsockopt(2). Level and name by number or by C name.
   *
   * @returns a C int; with `size`, as many bytes as the kernel wrote
   */
  getOption(level: number | string, name: number | string): number;
  getOption(level: number | string, name: number | string, size: number): Buffer;
  getOption(level: number | string, name: number | string, size?: number): number | Buffer {
    const [levelNumber, nameNumber] = [optionNumber(level, 'level'), optionNumber(name, 'name')];
    return this.#using('getOption', (fd) => readOption(fd, levelNumber, nameNumber, size));
  }

  /** Sets an option of the listening socket: setsockopt(2). Connections accepted later inherit most of them. */
  setOption(level: number | string, name: number | string, value: OptionValue): void {
    const [levelNumber, nameNumber] = [optionNumber(level, 'level'), optionNumber(name, 'name')];
    const packed = check.optionValue(value);
    this.#using('setOption', (fd) => {
      native.setsockopt(fd, levelNumber, nameNumber, packed);
    });
  }

  /**
   * Makes an ordinary net.Server of the listener, which takes its place and listens when this returns ('listening'
   * follows), on a copy of its descriptor; this object is closed then. The queue stays as full as it is and keeps its
   * backlog, 0 included: listen(2) is called again, with the number that the kernel has. In a cluster worker the primary
   * process has no part in it, and `worker.disconnect()` does not close it.
   *
   * `server.close()` closes the listener as `close()` does: in every thread, and with its socket file. Copies that are
   * closed in other threads leave the server as it is.
   *
   * @param options as for net.createServer, and so is `connectionListener`
   * @throws ERR_LISTENER_CLOSED; ERR_INVALID_FD_TYPE for seqpacket, which Node has no server for; EMFILE; what
   *   net.createServer throws. The listener is then as before, as it is when the server emits the 'error' of listen(2)
   */
  toServer(connectionListener?: (socket: net.Socket) => void): net.Server;
  toServer(options: net.ServerOpts, connectionListener?: (socket: net.Socket) => void): net.Server;
  toServer(...how: unknown[]): net.Server {
    const server = createServer(...(how as Parameters<typeof createServer>));
    this.#using('toServer', (fd) => {
      if (native.getsockoptInt(fd, c.SOL_SOCKET, c.SO_TYPE) !== c.SOCK_STREAM) {
        throw invalidFdType('toServer', 'seqpacket');
      }
      const backlog = limitOf(fd) ?? this.#backlog ?? queueOfDescriptor(fd).limit;
      const address = localName(fd);
      // A drain in another thread must leave the socket alone.
      this.#copy.lend();
      const given = copyAboveStdio(fd);
      // Given away first: a thread that is terminated in between must not leave it with two owners.
      native.disown(given);
      listenOnDescriptor(server, given, backlog, address, () => this.#copy.close());
    });
    if (server.listening) this.#end();
    return server;
  }

  /** Gives this thread's descriptor away: the caller owns it. It is still O_NONBLOCK. Copies elsewhere go on. */
  detach(): number {
    const fd = this.#closed ? -1 : this.#copy.detach();
    if (fd < 0) throw listenerClosed('detach');
    this.#end();
    return fd;
  }

  /** Closes this thread's descriptor only; copies in other threads go on, and so does a socket file. */
  release(): void {
    if (this.#closed) return;
    this.#end();
    this.#copy.release();
  }

  /**
   * Closes the listener in every thread of the process: those that wait in it are woken, and theirs end or throw
   * `ERR_LISTENER_CLOSED`. What the kernel has queued is reset. A socket file that `listen` made is removed. Does not
   * block; a second call does nothing.
   */
  close(): void {
    if (this.#closed) return;
    reportClose(this, () => {
      this.#end();
      this.#copy.close();
    });
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [inspect.custom](): string {
    if (this.closed) return 'Listener { closed }';
    return `Listener { ${this.#using('inspect', describeSocket)}, backlog: ${this.#backlog} }`;
  }

  #end(): void {
    this.#closed = true;
    settle(this);
  }

  #warnIfCapped(): void {
    const asked = this.#backlog;
    // A negative one asks for as many as the kernel allows.
    if (!this.#warnsIfCapped || asked === undefined || asked <= 0) return;
    this.#warnsIfCapped = !warnIfCapped(asked);
  }

  /** Runs `call` with the descriptor, which no thread closes meanwhile. */
  #using<T>(name: string, call: (fd: number) => T): T {
    const fd = this.#closed ? -1 : this.#copy.enter();
    if (fd < 0) throw listenerClosed(name);
    try {
      return call(fd);
    } finally {
      this.#copy.leave();
    }
  }

  #take(call: string, most: number, sliceMs: number): number {
    let count = -1;
    try {
      if (!this.#closed) count = this.#copy.acceptWithin(most, sliceMs);
    } catch (error) {
      reportShortage(this, error);
      throw error;
    }
    if (count < 0) throw listenerClosed(call);
    return count;
  }

  #takeInto(connections: Connection[], max: number, sliceMs: number): number {
    let count: number;
    try {
      count = this.#take('acceptMany', Math.min(max - connections.length, BATCH), sliceMs);
    } catch (error) {
      // What was taken before must not be lost: the next call meets the error again.
      if (connections.length > 0) return 0;
      throw error;
    }
    for (let i = 0; i < count; i++) connections.push(this.#connectionAt(i));
    return count;
  }

  #connectionAt(index: number): Connection {
    const connection = makeAccepted(native.acceptedFds[index] as number, packedPeer(index));
    reportAccepted(this, connection, index);
    return connection;
  }
}

interface ListenerTraits {
  /** Removed when the listener is closed. */
  ownedPath?: string | undefined;
  /** Another process may have the socket too. */
  shared?: boolean;
  warnsIfCapped: boolean;
  /** It listened already, with a backlog that somebody else asked for. */
  adopted?: boolean;
}

/** Makes the Listener of a descriptor that listens, and takes it over. */
export function makeListener(
  fd: number,
  backlog: number | undefined,
  { ownedPath, shared = false, warnsIfCapped, adopted = false }: ListenerTraits,
): Listener {
  const copy = new native.ListenerCopy(fd);
  if (ownedPath !== undefined) copy.ownPath(ownedPath);
  if (shared) copy.lend();
  const listener = construct(copy, backlog, warnsIfCapped);
  if (!adopted) checkCap(listener);
  if (!adopted && backlog !== undefined) reportListen(listener, backlog);
  return listener;
}

/** The socket may be another process's too from now on. */
export function markLent(listener: Listener): void {
  copyOf(listener).lend();
}

/** Its socket file stays when it is closed: another process goes on with it. */
export function leavePath(listener: Listener): void {
  copyOf(listener).leavePath();
}

/** Lets no new client in, of whom the last would be reset when the listener is closed; false where another process may
 * have the socket too, or the kernel refused. */
export function stopAdmitting(listener: Listener): boolean {
  return copyOf(listener).stopAdmitting();
}

/** Runs `use` with the descriptor, which no thread closes meanwhile. @throws ERR_LISTENER_CLOSED */
export function withDescriptor<T>(listener: Listener, call: string, use: (fd: number) => T): T {
  return using(listener, call, use);
}

/** Whether a connection is queued: poll(2), without waiting. */
export function hasQueued(listener: Listener): boolean {
  return using(listener, 'hasQueued', (fd) => native.poll(Int32Array.of(fd, c.POLLIN, 0), 0) > 0);
}
