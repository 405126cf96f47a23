import type * as net from 'node:net';
import * as c from '../constants';
import {
  asking,
  connectionClosed,
  endedWithoutDescriptor,
  invalidArgType,
  invalidArgValue,
  notOneDescriptor,
  timedOut,
} from '../errors';
import { native } from '../native/load';
import { deadlineAfter, keepWaiting, sliceUntil } from '../socket/blocking';
import { Connection } from '../socket/connection';
import { leavePath, Listener, markLent, withDescriptor, type WaitOptions } from '../socket/listener';
import { descriptorOfServer, isServer } from '../socket/server-descriptor';
import * as check from '../validate';

/** What the addon says instead of how many descriptors came. */
const NOT_YET = -1;
const ENDED = -2;

/**
 * Sends a copy of a descriptor to another process: one byte and one descriptor by sendmsg(2) with SCM_RIGHTS, as
 * unix(7) has it; CPython's `socket.recv_fds` takes it too. The sender's own stays open, and its own to close: once
 * this has returned it may be closed at once. Both name one socket: one queue, one O_NONBLOCK, one shutdown(2). Blocks
 * while the channel has no room, as `connection.send` does.
 *
 * The socket file of a Listener that was sent stays when it is closed here, since clients shall find the receiver by it. Of a
 * server's Node decides, which removes it.
 *
 * @param over the channel: a Connection, or a descriptor of any Unix-domain socket that is connected
 * @param what a Listener; a Connection, without the bytes that an unfinished `recvExactly` took; a server of Node's that
 *   listens; or a descriptor
 * @throws ERR_INVALID_ARG_VALUE if the channel is not AF_UNIX; ERR_LISTENER_CLOSED, ERR_CONNECTION_CLOSED,
 *   ERR_SERVER_NOT_RUNNING, ERR_SERVER_NO_DESCRIPTOR; ERR_INTERRUPTED; SystemCallError EPIPE, ENOTCONN, ETIMEDOUT;
 *   EBADF of a number that is not open; ETOOMANYREFS if this user has more than RLIMIT_NOFILE under way
 */
export function sendDescriptor(
  over: Connection | number,
  what: Listener | Connection | net.Server | number,
  options?: WaitOptions,
): void {
  const call = 'sendDescriptor';
  const channel = channelOf(over, call);
  const deadline = deadlineAfter(check.waitTime(options));
  if (what instanceof Listener) markLent(what);
  const attempt = (fd: number): boolean =>
    asking(`descriptor ${fd}`, () => native.sendDescriptorWithin(channel, fd, sliceUntil(deadline)));
  while (!withDescriptorOf(what, call, attempt)) keepWaiting(deadline, call, () => timedOut('sendmsg'));
  if (what instanceof Listener) leavePath(what);
}

/**
 * Receives a descriptor that another process sent: one byte and one descriptor by recvmsg(2), CLOEXEC. Further bytes of
 * the sender stay in the stream. Blocks until it comes, as `connection.recv` does.
 *
 * @param over as of `sendDescriptor`
 * @returns the number, which the caller owns: for `listen({ fd })`, `Connection.from(fd)`, or `close` of
 *   `listenq/syscalls`
 * @throws ERR_CONNECTION_ENDED if the peer ended the stream; ERR_NOT_ONE_DESCRIPTOR of a message with none or with
 *   several, which are closed; ERR_INVALID_ARG_VALUE, ERR_CONNECTION_CLOSED, ERR_INTERRUPTED; SystemCallError
 *   ECONNRESET, ETIMEDOUT; EMFILE, and then what came is lost
 */
export function receiveDescriptor(over: Connection | number, options?: WaitOptions): number {
  const call = 'receiveDescriptor';
  const channel = channelOf(over, call);
  const deadline = deadlineAfter(check.waitTime(options));
  for (;;) {
    const count = native.receiveDescriptorWithin(channel, sliceUntil(deadline));
    if (count === 1) return takeReceived();
    if (count === ENDED) throw endedWithoutDescriptor();
    if (count !== NOT_YET) throw notOneDescriptor(count);
    keepWaiting(deadline, call, () => timedOut('recvmsg'));
  }
}

function takeReceived(): number {
  const fd = native.acceptedFds[0] as number;
  native.disown(fd);
  return fd;
}

function channelOf(over: unknown, call: string): number {
  if (typeof over !== 'number' && !(over instanceof Connection)) {
    throw invalidArgType('over', 'a Connection or a descriptor', over);
  }
  const fd = typeof over === 'number' ? check.integer(over, 'over', 0) : over.fd;
  if (fd < 0) throw connectionClosed(call);
  const domain = asking(`over ${fd}`, () => native.getsockoptInt(fd, c.SOL_SOCKET, c.SO_DOMAIN));
  if (domain !== c.AF_UNIX) {
    throw invalidArgValue('over', 'must be a Unix-domain socket: no other passes descriptors', over);
  }
  return fd;
}

function withDescriptorOf<T>(what: unknown, call: string, use: (fd: number) => T): T {
  if (what instanceof Listener) return withDescriptor(what, call, use);
  if (isServer(what)) return use(descriptorOfServer(what, call));
  if (what instanceof Connection) {
    if (what.closed) throw connectionClosed(call);
    return use(what.fd);
  }
  if (typeof what === 'number') return use(check.integer(what, 'what', 0));
  throw invalidArgType('what', 'a Listener, a Connection, a net.Server or a descriptor', what);
}
