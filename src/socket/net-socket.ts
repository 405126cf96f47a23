import * as net from 'node:net';

export type NetSocketOptions = Omit<net.SocketConstructorOpts, 'fd'>;

/** The part of Node's own handle that is used here. */
interface TcpHandle {
  open: (fd: number) => number;
}
type TcpHandleClass = new (type: number) => TcpHandle;

/** What Node passes for the handle of a connection: TCPConstants.SOCKET. */
const CONNECTION = 0;
/** Options with which the constructor can't throw. */
const PLAIN = new Set(['allowHalfOpen', 'readable', 'writable']);

let tcpHandleClass: TcpHandleClass | undefined;

/**
 * Makes a net.Socket, which owns the descriptor from then on. If it throws, it does not.
 *
 * Node finds out what a descriptor is by five system calls. Of a TCP connection that is known (`tcp`), and from the second
 * one on a handle is made as Node makes it when it accepts, with the class that the first one's has.
 */
export function netSocketOf(fd: number, tcp: boolean, options: NetSocketOptions): net.Socket {
  const given = { readable: true, writable: true, ...options };
  if (tcp && tcpHandleClass !== undefined && Object.keys(options).every((name) => PLAIN.has(name))) {
    const handle = new tcpHandleClass(CONNECTION);
    if (handle.open(fd) === 0) return new net.Socket({ ...given, handle } as net.SocketConstructorOpts);
  }
  const noHandle = { handle: undefined };
  const socket = new net.Socket({ ...given, ...noHandle, fd });
  if (tcp) tcpHandleClass ??= handleClassOf(socket);
  return socket;
}

/** undefined where Node's insides are not as known; then each socket is made the long way. */
function handleClassOf(socket: net.Socket): TcpHandleClass | undefined {
  const handle = (socket as { _handle?: { constructor: unknown; open?: unknown } })._handle;
  const known = typeof handle?.open === 'function' && handle.constructor !== Object;
  return known ? (handle.constructor as TcpHandleClass) : undefined;
}
