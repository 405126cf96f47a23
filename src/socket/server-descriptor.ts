import * as net from 'node:net';
import { serverHasNoDescriptor, serverNotRunning } from '../errors';
import { internalsOf } from './node-internals';

// Kept, as a program may put the drop-in's in its place, which not every server of Node's is.
const { Server } = net;

/** Whether it is a server of node:net, http, https, http2 or tls, or of this package. */
export function isServer(value: unknown): value is net.Server {
  return value instanceof Server;
}

/** The descriptor of a server of Node's, which keeps it. `call` is who asks. */
export function descriptorOfServer(server: net.Server, call: string): number {
  const handle = internalsOf(server)._handle;
  if (handle === null) throw serverNotRunning(call);
  const fd: unknown = handle.fd;
  if (typeof fd !== 'number' || fd < 0) throw serverHasNoDescriptor(call);
  return fd;
}
