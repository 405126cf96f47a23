import { packAddress, type Address } from '../address';
import { naming } from '../errors';
import { native } from '../native/load';
import * as check from '../validate';
import { localName, peerAddress, peerName } from './names';

/** The largest timeout that poll(2) takes, in milliseconds. */
const MAX_POLL_MS = 2 ** 31 - 1;
/** Room for any option that there is; TCP_INFO, the largest, has 280 bytes on Linux 6.18. */
const OPTION_ROOM = 512;

/**
 * Makes a socket: socket(2). Flags added: none; add SOCK_CLOEXEC and SOCK_NONBLOCK to `type` to have them.
 *
 * @returns the descriptor, which is the caller's to close
 * @throws SystemCallError EAFNOSUPPORT, EINVAL, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EMFILE, EPERM
 */
export function socket(domain: number, type: number, protocol = 0): number {
  return native.socket(
    check.int32(domain, 'domain'),
    check.int32(type, 'type'),
    check.int32(protocol, 'protocol'),
  );
}

/** Makes two connected sockets: socketpair(2). Flags added: none. Both are the caller's to close. */
export function socketpair(domain: number, type: number, protocol = 0): [number, number] {
  return native.socketpair(
    check.int32(domain, 'domain'),
    check.int32(type, 'type'),
    check.int32(protocol, 'protocol'),
  );
}

/**
 * Names a socket: bind(2). An AF_UNIX path of '' lets the kernel choose an abstract name (autobind).
 *
 * @throws SystemCallError EADDRINUSE, EADDRNOTAVAIL, EACCES, EINVAL (bound already, or another family), ENOTDIR; with
 *   `address` and `port`, or `path`
 */
export function bind(fd: number, address: Address): void {
  const packed = packAddress(address, 'address');
  check.int32(fd, 'fd');
  naming(address, () => {
    native.bind(fd, packed);
  });
}

/**
 * Makes a socket listen: listen(2). `backlog` is any int32 and reaches the kernel as it is, which takes it as unsigned
 * and caps it by net.core.somaxconn: 0 lets one connection wait, -1 as many as somaxconn and one. Called again, it
 * changes the backlog of the living queue. Does not block.
 *
 * @throws SystemCallError EADDRINUSE, EBADF, ENOTSOCK, EOPNOTSUPP (a datagram socket), EINVAL (connected; AF_UNIX
 *   without a name)
 */
export function listen(fd: number, backlog: number): void {
  native.listen(check.int32(fd, 'fd'), check.int32(backlog, 'backlog'));
}

/**
 * Takes the oldest connection out of the accept queue: accept4(2), with exactly `flags` (SOCK_CLOEXEC, SOCK_NONBLOCK).
 * The address buffer is always large enough: a bad one would cost the connection.
 *
 * Blocks while the queue is empty if the descriptor is blocking, and then holds worker.terminate() and process.exit()
 * up with it, as nothing wakes it; `Listener.accept` waits with a waker instead.
 *
 * @returns the new descriptor, the caller's to close, and the peer's address
 * @throws SystemCallError EAGAIN, EBADF, EINVAL (not listening), ENOTSOCK, EOPNOTSUPP, EMFILE, EINTR
 */
export function accept(fd: number, flags = 0): { fd: number; address: Address } {
  const accepted = native.accept(check.int32(fd, 'fd'), check.int32(flags, 'flags'));
  try {
    return { fd: accepted, address: peerAddress(0) };
  } catch (error) {
    // Of a family that has no address here: the caller would never learn the number.
    native.close(accepted);
    throw error;
  }
}

/**
 * Connects a socket: connect(2). Blocks on a blocking descriptor (see `accept` for what that means in a worker).
 *
 * @throws SystemCallError ECONNREFUSED, EINPROGRESS (non-blocking, or SO_SNDTIMEO passed), EALREADY, EISCONN,
 *   EADDRNOTAVAIL, ENETUNREACH, ETIMEDOUT; EAGAIN of AF_UNIX where the queue is full; with the address
 */
export function connect(fd: number, address: Address): void {
  const packed = packAddress(address, 'address');
  check.int32(fd, 'fd');
  naming(address, () => {
    native.connect(fd, packed);
  });
}

/** The socket's own address: getsockname(2). An unbound IPv4 socket answers 0.0.0.0:0, an AF_UNIX one ''. */
export function getsockname(fd: number): Address {
  return localName(check.int32(fd, 'fd'));
}

/** The address of the other end: getpeername(2). @throws SystemCallError ENOTCONN */
export function getpeername(fd: number): Address {
  return peerName(check.int32(fd, 'fd'));
}

/**
 * Reads an option: getsockopt(2).
 *
 * @param size the length of the buffer that the kernel is given, in bytes; some options answer according to it
 * @returns as many bytes as the kernel wrote
 * @throws SystemCallError ENOPROTOOPT, EOPNOTSUPP (level), EINVAL, EBADF, ENOTSOCK
 */
export function getsockopt(fd: number, level: number, name: number, size = OPTION_ROOM): Buffer {
  check.int32(fd, 'fd');
  check.int32(level, 'level');
  check.int32(name, 'name');
  const value = Buffer.alloc(check.integer(size, 'size', 0));
  return value.subarray(0, native.getsockopt(fd, level, name, value));
}

/** Reads an option of the C type int: getsockopt(2). */
export function getsockoptInt(fd: number, level: number, name: number): number {
  return native.getsockoptInt(check.int32(fd, 'fd'), check.int32(level, 'level'), check.int32(name, 'name'));
}

/**
 * Sets an option: setsockopt(2). A number goes as a C int, a boolean as 1 or 0, bytes as they are.
 *
 * @throws SystemCallError ENOPROTOOPT, EINVAL, EPERM, ENODEV, EBADF, ENOTSOCK
 */
export function setsockopt(
  fd: number,
  level: number,
  name: number,
  value: number | boolean | NodeJS.ArrayBufferView,
): void {
  check.int32(fd, 'fd');
  check.int32(level, 'level');
  check.int32(name, 'name');
  native.setsockopt(fd, level, name, check.optionValue(value));
}

/**
 * Receives into `buffer`: recv(2). Blocks on a blocking descriptor while nothing is there (see `accept`).
 *
 * @returns how many bytes came; 0 is end of stream, or a buffer without room
 * @throws SystemCallError EAGAIN, ECONNRESET, ENOTCONN, EBADF, ENOTSOCK, EINTR
 */
export function recv(fd: number, buffer: NodeJS.ArrayBufferView, flags = 0): number {
  check.int32(fd, 'fd');
  return native.recv(fd, check.bytes(buffer, 'buffer'), check.int32(flags, 'flags'));
}

/**
 * Sends bytes: send(2). Flags added: none. Node ignores SIGPIPE, so that a closed peer is EPIPE.
 *
 * @returns how many bytes the kernel took, which may be fewer than there are
 * @throws SystemCallError EAGAIN, EPIPE, ECONNRESET, ENOTCONN, EBADF, ENOTSOCK, EINTR
 */
export function send(fd: number, buffer: NodeJS.ArrayBufferView, flags = 0): number {
  check.int32(fd, 'fd');
  return native.send(fd, check.bytes(buffer, 'buffer'), check.int32(flags, 'flags'));
}

/**
 * Shuts down a direction (SHUT_RD, SHUT_WR, SHUT_RDWR) of the connection, for all copies of the descriptor:
 * shutdown(2). Of a listener, SHUT_RD resets all that queue and gives a port that the kernel chose back.
 */
export function shutdown(fd: number, how: number): void {
  native.shutdown(check.int32(fd, 'fd'), check.int32(how, 'how'));
}

/** Closes a descriptor: close(2). Never close the number of a `Listener` or `Connection`: they own it. */
export function close(fd: number): void {
  native.close(check.int32(fd, 'fd'));
}

/** Copies a descriptor: dup(2). The copy is not CLOEXEC; it shares O_NONBLOCK with the original. */
export function dup(fd: number): number {
  return native.dup(check.int32(fd, 'fd'));
}

export interface PollEntry {
  /** A negative descriptor is passed over, as poll(2) does. */
  fd: number;
  /** POLLIN, POLLOUT, … */
  events: number;
  /** What happened: filled in by `poll`, as in C. */
  revents?: number;
}

/**
 * Waits until one of the descriptors is ready: poll(2). Fills in `revents` of each entry. Blocks for up to
 * `timeoutMs`, -1 for as long as it takes (see `accept` for what that means in a worker).
 *
 * @returns the entries that are ready; none of them if time is up
 * @throws SystemCallError EINTR, EINVAL (more entries than RLIMIT_NOFILE)
 */
export function poll<T extends PollEntry>(entries: readonly T[], timeoutMs: number): T[] {
  check.array(entries, 'entries');
  check.integer(timeoutMs, 'timeoutMs', -1, MAX_POLL_MS);
  const packed = new Int32Array(entries.length * 3);
  // Not forEach, which passes over the holes of an array, and would leave descriptor 0 there.
  for (const [i, entry] of entries.entries()) {
    check.object(entry, `entries[${i}]`);
    packed[3 * i] = check.int32(entry.fd, `entries[${i}].fd`);
    packed[3 * i + 1] = check.integer(entry.events, `entries[${i}].events`, 0, 0xffff);
  }
  native.poll(packed, timeoutMs);
  return entries.filter((entry, i) => {
    entry.revents = packed[3 * i + 2] as number;
    return entry.revents !== 0;
  });
}

/** Whether O_NONBLOCK is set: fcntl(F_GETFL). */
export function getNonblocking(fd: number): boolean {
  return native.getNonblocking(check.int32(fd, 'fd'));
}

/** Sets or clears O_NONBLOCK, for all copies of the descriptor: fcntl(F_SETFL). */
export function setNonblocking(fd: number, on: boolean): void {
  native.setNonblocking(check.int32(fd, 'fd'), check.boolean(on, 'on'));
}

/** The limits of a resource, in its own unit (RLIMIT_NOFILE: descriptors). Infinity is RLIM_INFINITY. */
export interface ResourceLimits {
  soft: number;
  hard: number;
}

/** Reads a resource limit of this process: getrlimit(2). */
export function getrlimit(resource: number): ResourceLimits {
  return native.getrlimit(check.int32(resource, 'resource'));
}

/**
 * Sets a resource limit of this process: setrlimit(2).
 *
 * @throws SystemCallError EINVAL (soft over hard), EPERM (raising the hard limit without CAP_SYS_RESOURCE)
 */
export function setrlimit(resource: number, limits: ResourceLimits): void {
  check.int32(resource, 'resource');
  check.object(limits, 'limits');
  native.setrlimit(resource, limit(limits.soft, 'limits.soft'), limit(limits.hard, 'limits.hard'));
}

function limit(value: unknown, name: string): number {
  return value === Infinity ? value : check.integer(value, name, 0, Number.MAX_SAFE_INTEGER);
}
