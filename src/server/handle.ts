import cluster from 'node:cluster';
import type * as net from 'node:net';

/** libuv's object for a socket, as far as net.Server and net.Socket show it: TCP or Pipe. */
export interface Handle {
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
}

/** Of a listening socket. */
export interface ListeningHandle extends Handle {
  constructor: new (type: number) => ConnectionHandle;
  listen: (backlog: number | string) => number;
  /** Node's own: makes a net.Socket of the connection, or drops it, as the server's properties say. */
  onconnection: (status: number, connection?: ConnectionHandle) => void;
}

/** What this module uses of a net.Server's insides: the names are the same from Node 20 to 26. */
export interface ServerInternals extends Omit<net.Server, 'listen'> {
  _handle: ListeningHandle | null;
  _pipeName?: string;
  listen: (...args: unknown[]) => this;
  /** Makes a handle of a descriptor, unless there is one, and listens. */
  _listen2(
    address: string | null,
    port: number | null,
    addressType: number | null,
    backlog: number,
    fd: number | undefined,
  ): void;
}

/** What Node passes for the kind of handle: TCPConstants.SOCKET, PipeConstants.SOCKET. */
const CONNECTION = 0;

/** Whether the socket is this process's, and not the primary's of a cluster. */
export function isOwnHandle(handle: Partial<ListeningHandle> | null): handle is ListeningHandle {
  return (
    handle !== null && typeof handle.fd === 'number' && handle.fd >= 0 && typeof handle.listen === 'function'
  );
}

/** Whether the primary process of a cluster has sent it, to each of its workers (SCHED_NONE). To hear of its end node:cluster
 * gives it a `close` of its own. To be asked before this package does the same. */
export function isSharedHandle(handle: ListeningHandle): boolean {
  return cluster.isWorker && Object.hasOwn(handle, 'close');
}

/** Makes a connection's handle, of the listener's kind, as libuv does when it accepts. The descriptor is its own, unless
 * an errno is returned. */
export function connectionHandle(listening: ListeningHandle, fd: number): ConnectionHandle | number {
  const handle = new listening.constructor(CONNECTION);
  const error = handle.open(fd);
  if (error === 0) return handle;
  handle.close();
  return error;
}
