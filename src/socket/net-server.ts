import type * as net from 'node:net';
import type { Address } from '../address';
import { internalsOf } from './node-internals';

/** Node's C++ takes a number modulo this, as C does; its JavaScript takes a backlog of 0 for none. */
const INT_RANGE = 2 ** 32;

/**
 * Has a server listen on a descriptor that it owns from now on, with a backlog of any int32. If the kernel refuses, the
 * server emits 'error', and is not listening when this returns.
 *
 * Not by server.listen({ fd }): that makes 511 of a backlog of 0, and in a worker of node:cluster it asks the primary
 * process for the descriptor of this number there.
 *
 * @param onClose told when the server stops listening
 */
export function listenOnDescriptor(
  server: net.Server,
  fd: number,
  backlog: number,
  address: Address,
  onClose: () => void,
): void {
  const internals = internalsOf(server);
  if (address.family === 'unix') internals._pipeName = address.path;
  internals._listen2(null, null, null, backlog > 0 ? backlog : backlog + INT_RANGE, fd);
  const handle = internals._handle;
  if (handle === null) return;
  const { close } = handle;
  handle.close = (callback) => {
    onClose();
    close.call(handle, callback);
  };
}
