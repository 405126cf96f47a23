import type * as net from 'node:net';
import { inspect } from 'node:util';
import { isInternet, unpackAddress, type Address, type PackedAddress } from '../address';
import * as c from '../constants';
import {
  asking,
  connectionClosed,
  connectionEnded,
  illegalConstructor,
  invalidArgValue,
  isSystemError,
  timedOut,
} from '../errors';
import { native } from '../native/load';
import * as check from '../validate';
import { deadlineAfter, keepWaiting, sliceUntil, type Deadline } from './blocking';
import { describeSocket } from './describe';
import { readInherited, type InheritedOption } from './inherited';
import { setKeepAlive, type KeepAliveOptions } from './keep-alive';
import { LeakWatch, settle } from './leaks';
import type { WaitOptions } from './listener';
import { localName, packedPeerName } from './names';
import { netSocketOf, numberForNode, type NetSocketOptions } from './net-socket';
import { optionNumber, readOption, type OptionValue } from './options';
import { readTcpInfo, type TcpInfo } from './tcp-info';

const DIRECTIONS = ['read', 'write', 'both'] as const;
/** What one `for (const chunk of connection)` step reads at the most. */
const CHUNK_BYTES = 65536;
const INTERNAL = Symbol('listenq.internal');
let construct: (fd: number, peer: PackedAddress, acceptedAt?: number, onEnd?: () => void) => Connection;
let onEndOf: (connection: Connection) => (() => void) | undefined;

const leaks = new LeakWatch<Connection>('Connection', (connection) => {
  const { fd } = connection;
  const onEnd = onEndOf(connection);
  return () => {
    native.closeOwned(fd);
    onEnd?.();
    return true;
  };
});

/**
 * A connected stream or seqpacket socket, and its descriptor, non-blocking and CLOEXEC. Made by `connect`, by a
 * Listener, or from a descriptor.
 *
 * It belongs to the thread that made it. `recv` and `send` block that thread, in poll(2), and end when they can go on,
 * when time is up, or when another thread calls `interrupt`; at least every 200 ms they let `worker.terminate()` and
 * `process.exit()` through.
 */
export class Connection {
  #fd: number;
  #timeoutMs: number | undefined;
  #packedPeer: PackedAddress | undefined;
  #peer: Address | undefined;
  /** Bytes that an unfinished recvExactly took, for the next one who reads. */
  #held: Uint8Array | undefined;
  /** By performance.now(). */
  readonly #acceptedAt: number | undefined;
  /** Told once the connection is closed or given away; of a net.Socket made of it, once that is closed. */
  #onEnd: (() => void) | undefined;

  static {
    construct = (...parts) => new Connection(INTERNAL, ...parts);
    onEndOf = (connection) => connection.#onEnd;
  }

  private constructor(
    guard: symbol,
    fd: number,
    peer?: PackedAddress,
    acceptedAt?: number,
    onEnd?: () => void,
  ) {
    if (guard !== INTERNAL) throw illegalConstructor('Connection', 'connect(options) or Connection.from(fd)');
    this.#fd = fd;
    this.#packedPeer = peer;
    this.#acceptedAt = acceptedAt;
    this.#onEnd = onEnd;
    leaks.add(this);
  }

  /**
   * Adopts a connected descriptor, which becomes the Connection's and is made non-blocking and CLOEXEC.
   *
   * @throws SystemCallError EBADF, ENOTSOCK, ENOTCONN; then the descriptor stays the caller's. ERR_INVALID_ARG_VALUE
   *   for a datagram socket, and for the number of a Listener or Connection of any thread: a number has one owner
   */
  static from(fd: number): Connection {
    check.integer(fd, 'fd', 0);
    const peer = asking(`fd ${fd}`, () => packedPeerName(fd));
    if (native.getsockoptInt(fd, c.SOL_SOCKET, c.SO_TYPE) === c.SOCK_DGRAM) {
      throw invalidArgValue('fd', 'must be a stream or seqpacket socket, and is a datagram socket', fd);
    }
    if (!native.adopt(fd)) {
      throw invalidArgValue('fd', 'belongs to a Listener or Connection: detach() it first, or use dup()', fd);
    }
    native.setNonblocking(fd, true);
    native.setCloexec(fd);
    return new Connection(INTERNAL, fd, peer);
  }

  /** The descriptor, lent: it stays the connection's. -1 once closed or given away. */
  get fd(): number {
    return this.#fd;
  }

  get closed(): boolean {
    return this.#fd < 0;
  }

  /** This end's address: getsockname(2). */
  get localAddress(): Address {
    return localName(this.#open('localAddress'));
  }

  /** The peer's address, as accept(2) or getpeername(2) gave it; known for as long as the object lives. */
  get remoteAddress(): Address {
    this.#packedPeer ??= packedPeerName(this.#open('remoteAddress'));
    return (this.#peer ??= unpackAddress(this.#packedPeer));
  }

  /**
   * Receives what is there, up to a size in bytes or into a buffer: recv(2). Blocks while nothing is.
   *
   * @returns the bytes received (in the buffer's own memory, if one was given); none is end of stream
   * @throws SystemCallError ECONNRESET, ETIMEDOUT (time is up, or the peer is gone); ERR_INTERRUPTED;
   *   ERR_CONNECTION_CLOSED
   */
  recv(sizeOrBuffer: number | NodeJS.ArrayBufferView, options?: WaitOptions): Buffer {
    const room = check.room(sizeOrBuffer, 'sizeOrBuffer');
    const deadline = this.#deadline(options);
    return room.subarray(0, this.#receive(room, deadline, 'recv'));
  }

  /**
   * Receives exactly `size` bytes, by as many recv(2) as that takes. If it ends early, by time, interruption or end of
   * stream, the bytes that did come are kept for the next call that reads.
   *
   * @throws ERR_CONNECTION_ENDED if the stream ends first; else as `recv`
   */
  recvExactly(size: number, options?: WaitOptions): Buffer {
    const wanted = Buffer.allocUnsafe(check.integer(size, 'size', 0));
    const deadline = this.#deadline(options);
    this.#open('recvExactly');
    let got = 0;
    try {
      while (got < size) {
        const count = this.#receive(wanted.subarray(got), deadline, 'recvExactly');
        if (count === 0) throw connectionEnded(size, got);
        got += count;
      }
      return wanted;
    } catch (error) {
      if (got > 0) this.#held = wanted.subarray(0, got);
      throw error;
    }
  }

  /**
   * Sends bytes (a string as UTF-8): send(2) with MSG_NOSIGNAL. Blocks while the kernel has no room for any.
   *
   * @returns how many bytes the kernel took, which may be fewer than there are
   * @throws SystemCallError EPIPE, ECONNRESET, ETIMEDOUT; ERR_INTERRUPTED; ERR_CONNECTION_CLOSED
   */
  send(data: string | NodeJS.ArrayBufferView, options?: WaitOptions): number {
    return this.#transmit(check.payload(data, 'data'), this.#deadline(options), 'send');
  }

  /**
   * Sends all bytes, by as many send(2) as that takes.
   *
   * @returns how many there were
   * @throws as `send`; the error's `bytesSent` says how far it came
   */
  sendAll(data: string | NodeJS.ArrayBufferView, options?: WaitOptions): number {
    const bytes = check.payload(data, 'data');
    const deadline = this.#deadline(options);
    this.#open('sendAll');
    let sent = 0;
    try {
      while (sent < bytes.byteLength) sent += this.#transmit(bytes.subarray(sent), deadline, 'sendAll');
      return sent;
    } catch (error) {
      throw Object.assign(error as Error, { bytesSent: sent });
    }
  }

  /** What comes, chunk by chunk, until end of stream; blocks between chunks. Closes nothing. */
  *[Symbol.iterator](): Generator<Buffer, void, undefined> {
    for (;;) {
      const chunk = this.recv(CHUNK_BYTES);
      if (chunk.length === 0) return;
      yield chunk;
    }
  }

  /**
   * Ends a direction for all copies of the descriptor: shutdown(2). After 'write' the peer reads end of stream; a
   * direction that is ended already, or a peer that is gone, is no error.
   */
  shutdown(direction: 'read' | 'write' | 'both'): void {
    const how = DIRECTIONS.indexOf(check.oneOf(direction, 'direction', DIRECTIONS));
    try {
      native.shutdown(this.#open('shutdown'), [c.SHUT_RD, c.SHUT_WR, c.SHUT_RDWR][how] as number);
    } catch (error) {
      if (!isSystemError(error, 'ENOTCONN')) throw error;
    }
  }

  /** Closes at once: the peer gets RST instead of end of stream (SO_LINGER with time 0), and unsent bytes are lost. A
   * plain close for AF_UNIX, and while a `dup()` is open. */
  reset(): void {
    const on = Buffer.from(Uint32Array.of(1, 0).buffer);
    native.setsockopt(this.#open('reset'), c.SOL_SOCKET, c.SO_LINGER, on);
    this.close();
  }

  /** A second Connection of the same socket: fcntl(F_DUPFD_CLOEXEC). The stream ends when the last copy is closed. What
   * an unfinished `recvExactly` took stays with this one, and so does `setTimeout`. */
  dup(): Connection {
    return new Connection(INTERNAL, native.dupOwned(this.#open('dup')), this.#packedPeer);
  }

  /** Limits each later wait of this object that has no `timeoutMs` of its own; 0 or Infinity: no limit. */
  setTimeout(ms: number): this {
    this.#open('setTimeout');
    check.milliseconds(ms, 'ms');
    this.#timeoutMs = ms === 0 || ms === Infinity ? undefined : ms;
    return this;
  }

  /** TCP_NODELAY: small writes go out at once. */
  setNoDelay(on = true): this {
    check.boolean(on, 'on');
    native.setsockopt(this.#open('setNoDelay'), c.IPPROTO_TCP, c.TCP_NODELAY, on ? 1 : 0);
    return this;
  }

  /** SO_KEEPALIVE, and when and how often it probes. */
  setKeepAlive(on = true, options: KeepAliveOptions = {}): this {
    check.boolean(on, 'on');
    check.noOthers(check.object(options, 'options'), ['idleSeconds', 'intervalSeconds', 'count'], 'options');
    setKeepAlive(this.#open('setKeepAlive'), on, options);
    return this;
  }

  /**
   * Reads an option: getsockopt(2). Level and name by number or by C name.
   *
   * @returns a C int; with `size`, as many bytes as the kernel wrote
   */
  getOption(level: number | string, name: number | string): number;
  getOption(level: number | string, name: number | string, size: number): Buffer;
  getOption(level: number | string, name: number | string, size?: number): number | Buffer {
    const [levelNumber, nameNumber] = [optionNumber(level, 'level'), optionNumber(name, 'name')];
    return readOption(this.#open('getOption'), levelNumber, nameNumber, size);
  }

  /** Sets an option: setsockopt(2). */
  setOption(level: number | string, name: number | string, value: OptionValue): void {
    const [levelNumber, nameNumber] = [optionNumber(level, 'level'), optionNumber(name, 'name')];
    native.setsockopt(this.#open('setOption'), levelNumber, nameNumber, check.optionValue(value));
  }

  /** What the kernel knows of the connection: TCP_INFO. @throws SystemCallError EOPNOTSUPP for AF_UNIX */
  tcpInfo(): TcpInfo {
    return readTcpInfo(this.#open('tcpInfo'));
  }

  /** Which options this connection took over from its listener when the handshake was completed: those that read
   * otherwise than on a new socket, which is made for the comparison. What was set since is among them. */
  inherited(): InheritedOption[] {
    return readInherited(this.#open('inherited'));
  }

  /**
   * How long the connection waited to be accepted, in milliseconds, from the end of the handshake (with TCP_DEFER_ACCEPT
   * from its first data): TCP_INFO, in kernel ticks of 1 to 10 ms. How long a client knocked at a full queue it does
   * not tell. Undefined of AF_UNIX, once anything has been sent, and of a connection that no listener accepted.
   */
  queuedMs(): number | undefined {
    const fd = this.#open('queuedMs');
    const quietMs = this.#acceptedAt === undefined ? -1 : native.timeSinceHandshake(fd);
    if (quietMs < 0) return undefined;
    return Math.max(0, quietMs - (performance.now() - (this.#acceptedAt as number)));
  }

  /**
   * Makes an ordinary net.Socket of the connection, which owns the descriptor from now on; this object is closed.
   *
   * @param options as for `new net.Socket`, such as `allowHalfOpen`; `noDelay`, `keepAlive` and `keepAliveInitialDelay`
   *   as net.Server has them
   * @throws ERR_INVALID_FD_TYPE for seqpacket, which Node has no socket for; the connection is then as before
   */
  toSocket(options: NetSocketOptions = {}): net.Socket {
    const fd = this.#open('toSocket');
    check.object(options, 'options');
    const held = this.#held;
    const given = numberForNode(fd);
    // Given away first: a thread that is terminated in between must not leave it with two owners.
    native.disown(given);
    let socket: net.Socket;
    try {
      const tcp = this.#packedPeer !== undefined && isInternet(this.#packedPeer);
      socket = netSocketOf(given, tcp, options);
    } catch (error) {
      native.adopt(given);
      if (given !== fd) native.closeOwned(given);
      throw error;
    }
    if (this.#onEnd !== undefined) socket.once('close', this.#onEnd);
    this.#onEnd = undefined;
    // Closes the number if a copy of it was given, and else nothing, as it is not owned any more.
    this.close();
    if (held !== undefined) socket.unshift(held);
    return socket;
  }

  /** Gives the descriptor away: the caller owns it. It is still O_NONBLOCK. Bytes that an unfinished `recvExactly` took
   * are lost: `recv` them first. */
  detach(): number {
    const fd = this.#open('detach');
    native.disown(fd);
    this.#end();
    return fd;
  }

  /** Closes this descriptor: close(2). The peer reads end of stream once all copies are closed. Does not block; a
   * second call does nothing. */
  close(): void {
    const fd = this.#fd;
    if (fd < 0) return;
    this.#end();
    native.closeOwned(fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [inspect.custom](): string {
    return this.closed ? 'Connection { closed }' : `Connection { ${describeSocket(this.#fd)} }`;
  }

  #end(): void {
    this.#fd = -1;
    this.#held = undefined;
    settle(this);
    this.#onEnd?.();
    this.#onEnd = undefined;
  }

  #open(call: string): number {
    if (this.#fd < 0) throw connectionClosed(call);
    return this.#fd;
  }

  #deadline(options: WaitOptions | undefined): Deadline {
    return deadlineAfter(check.waitTime(options) ?? this.#timeoutMs);
  }

  #receive(into: Uint8Array, deadline: Deadline, call: string): number {
    const fd = this.#open(call);
    if (this.#held !== undefined) return this.#takeHeld(into);
    for (;;) {
      const count = native.recvWithin(fd, into, 0, sliceUntil(deadline));
      if (count >= 0) return count;
      keepWaiting(deadline, call, () => timedOut('recv'));
    }
  }

  #takeHeld(into: Uint8Array): number {
    const held = this.#held as Uint8Array;
    const count = Math.min(held.byteLength, into.byteLength);
    into.set(held.subarray(0, count));
    this.#held = count < held.byteLength ? held.subarray(count) : undefined;
    return count;
  }

  #transmit(bytes: Uint8Array, deadline: Deadline, call: string): number {
    const fd = this.#open(call);
    for (;;) {
      const count = native.sendWithin(fd, bytes, 0, sliceUntil(deadline));
      if (count >= 0) return count;
      keepWaiting(deadline, call, () => timedOut('send'));
    }
  }
}

/** Makes the Connection of a descriptor that is connected, non-blocking, and owned by this environment. */
export function makeConnection(fd: number, peer: PackedAddress): Connection {
  return construct(fd, peer);
}

/** The same, of one that was accepted. `onEnd` is told once it is closed or given away. */
export function makeAccepted(fd: number, peer: PackedAddress, onEnd?: () => void): Connection {
  return construct(fd, peer, performance.now(), onEnd);
}
