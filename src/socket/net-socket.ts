import * as net from 'node:net';
import { native } from '../native/load';
import * as check from '../validate';
import { connectionHandle, type ConnectionHandleClass } from './node-internals';

export interface NetSocketOptions extends Omit<net.SocketConstructorOpts, 'fd'> {
  /** TCP_NODELAY. An http.Server sets it on the connections that it accepts itself. */
  noDelay?: boolean | undefined;
  /** SO_KEEPALIVE. */
  keepAlive?: boolean | undefined;
  /** Idle milliseconds before the first probe; 0 leaves what the system says. */
  keepAliveInitialDelay?: number | undefined;
}

/** Options with which the constructor can't throw. */
const PLAIN = new Set([
  ...['allowHalfOpen', 'readable', 'writable'],
  ...['noDelay', 'keepAlive', 'keepAliveInitialDelay'],
]);

const LAST_STDIO = 2;

let tcpHandleClass: ConnectionHandleClass | undefined;

/**
 * Makes a net.Socket, which owns the descriptor from then on. If it throws, it does not.
 *
 * Node finds out what a descriptor is by five system calls. Of a TCP connection that is known (`tcp`), and from the second
 * one on a handle is made as Node makes it when it accepts, with the class that the first one's has.
 */
export function netSocketOf(fd: number, tcp: boolean, options: NetSocketOptions): net.Socket {
  const isOn = (name: 'noDelay' | 'keepAlive'): boolean =>
    options[name] !== undefined && check.boolean(options[name], `options.${name}`);
  const [noDelay, keepAlive] = [isOn('noDelay'), isOn('keepAlive')];
  const initialDelay = check.milliseconds(
    options.keepAliveInitialDelay ?? 0,
    'options.keepAliveInitialDelay',
  );
  // Not for the constructor: it would keep them for a connect() that never comes.
  const kept = { noDelay: undefined, keepAlive: undefined, keepAliveInitialDelay: undefined };
  const socket = makeSocket(fd, tcp, { ...options, ...kept });
  if (noDelay) socket.setNoDelay(true);
  if (keepAlive) socket.setKeepAlive(true, initialDelay);
  return socket;
}

function makeSocket(fd: number, tcp: boolean, options: NetSocketOptions): net.Socket {
  const given = { readable: true, writable: true, ...options };
  if (tcp && tcpHandleClass !== undefined && Object.keys(options).every((name) => PLAIN.has(name))) {
    const handle = connectionHandle(tcpHandleClass, fd);
    if (typeof handle !== 'number') return new net.Socket({ ...given, handle } as net.SocketConstructorOpts);
  }
  const noHandle = { handle: undefined };
  const socket = new net.Socket({ ...given, ...noHandle, fd });
  if (tcp) tcpHandleClass ??= handleClassOf(socket);
  return socket;
}

/** undefined where Node's insides are not as known; then each socket is made the long way. */
function handleClassOf(socket: net.Socket): ConnectionHandleClass | undefined {
  const handle = (socket as { _handle?: { constructor: unknown; open?: unknown } })._handle;
  const known = typeof handle?.open === 'function' && handle.constructor !== Object;
  return known ? (handle.constructor as ConnectionHandleClass) : undefined;
}

/** The descriptor, or of stdin's, stdout's and stderr's numbers a copy: Node leaves those open for ever. */
export function numberForNode(fd: number): number {
  return fd > LAST_STDIO ? fd : copyAboveStdio(fd);
}

/** fcntl(F_DUPFD_CLOEXEC), owned by this environment, of a number above those three. */
export function copyAboveStdio(fd: number): number {
  const copy = native.dupOwned(fd);
  if (copy > LAST_STDIO) return copy;
  try {
    return copyAboveStdio(copy);
  } finally {
    native.closeOwned(copy);
  }
}
