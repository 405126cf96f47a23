import type * as net from 'node:net';

/** libuv's object for a socket, as far as net.Server and net.Socket show it: TCP or Pipe. */
interface Handle {
  /** -1 where there is none, as on a closed one. */
  readonly fd: number;
  close: (callback?: () => void) => void;
  ref: () => void;
  unref: () => void;
  hasRef: () => boolean;
  /** An errno, or 0; a name that bind(2) refused is told here, as EADDRINUSE, and else in listen. */
  getsockname?: (out: object) => number;
}

/** Of a connection. */
export interface ConnectionHandle extends Handle {
  open: (fd: number) => number;
  /** Of TCP: closes it with RST. */
  reset?: (callback?: () => void) => number;
}

export type ConnectionHandleClass = new (type: number) => ConnectionHandle;

/** Of a listening socket. */
export interface ListeningHandle extends Handle {
  constructor: ConnectionHandleClass;
  listen: (backlog: number | string) => number;
  /** Node's own: makes a net.Socket of the connection, or drops it, as the server's properties say. */
  onconnection: (status: number, connection?: ConnectionHandle) => void;
}

/** What this package uses of a net.Server's insides: the names are the same from Node 20 to 26. */
export interface ServerInternals extends net.Server {
  _handle: ListeningHandle | null;
  _pipeName?: string;
  /** Counts the calls of listen() and close(), so that a name that was looked up for an earlier one comes to nothing. */
  _listeningId?: number;
  /** Emits 'close', in the next tick, if neither the handle nor a connection is left. */
  _emitCloseIfDrained: () => void;
  /** Makes a handle of a descriptor, unless there is one, and listens. */
  _listen2(
    address: string | null,
    port: number | null,
    addressType: number | null,
    backlog: number,
    fd: number,
  ): void;
}

/** What Node passes for the kind of handle: TCPConstants.SOCKET, PipeConstants.SOCKET. */
const CONNECTION = 0;

/** Makes a connection's handle, as libuv does when it accepts. The descriptor is its own, unless an errno is returned. */
export function connectionHandle(kind: ConnectionHandleClass, fd: number): ConnectionHandle | number {
  const handle = new kind(CONNECTION);
  const error = handle.open(fd);
  if (error === 0) return handle;
  handle.close();
  return error;
}

export function internalsOf(server: net.Server): ServerInternals {
  return server as unknown as ServerInternals;
}
