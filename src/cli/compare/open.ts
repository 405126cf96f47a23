import { listen } from 'listenq';
import * as sys from 'listenq/syscalls';
import * as net from 'node:net';
import * as path from 'node:path';
import type { BacklogValue } from './backlogs';
import { ADOPTED_BACKLOG, type WayId } from './ways';

export const HOST = '127.0.0.1';

/** The ways that one process can go by itself. */
export type DirectWay = Exclude<WayId, 'cluster-rr' | 'cluster-none'>;

/** What a call is made with whose types allow less than JavaScript does. */
type Untyped = (...args: unknown[]) => unknown;

/**
 * Asks for the backlog in one way. What was made stays open until the process ends.
 *
 * @returns once it listens: the descriptor
 * @throws what the call threw, or emitted
 */
export async function openDirectly(way: DirectWay, backlog: BacklogValue, folder: string): Promise<number> {
  const socketFile = path.join(folder, 's');
  switch (way) {
    case 'listenq':
      return listenRaw({ port: 0, host: HOST, backlog });
    case 'listenq-path':
      return listenRaw({ path: socketFile, backlog });
    case 'args':
      return listenNet(0, HOST, backlog);
    case 'options':
      return listenNet({ port: 0, host: HOST, backlog });
    case 'fd-args':
      return listenNet({ fd: listeningDescriptor() }, backlog);
    case 'fd-options':
      return listenNet({ fd: listeningDescriptor(), backlog });
    case 'path-args':
      return listenNet(socketFile, backlog);
    case 'path-options':
      return listenNet({ path: socketFile, backlog });
  }
}

/** What is given away is nobody's to close, and so stays open. */
function listenRaw(options: Record<string, unknown>): number {
  return listen({ ...options, warnIfCapped: false }).detach();
}

async function listenNet(...args: unknown[]): Promise<number> {
  return descriptorOf(await netServer(...args));
}

/** A net.Server that listens. */
export function netServer(...args: unknown[]): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.once('listening', () => {
      resolve(server);
    });
    (server.listen as Untyped).apply(server, args);
  });
}

/** The number behind a net.Server, which has no public name for it. */
function descriptorOf(server: net.Server): number {
  const handle = (server as unknown as { _handle: { fd?: number } | null })._handle;
  if (typeof handle?.fd !== 'number' || handle.fd < 0)
    throw new Error('net.Server did not show its descriptor');
  return handle.fd;
}

/** As a service manager would hand it over: bound, and listening already. */
function listeningDescriptor(): number {
  const fd = sys.socket(sys.AF_INET, sys.SOCK_STREAM | sys.SOCK_CLOEXEC | sys.SOCK_NONBLOCK);
  sys.bind(fd, { family: 'IPv4', address: HOST, port: 0 });
  sys.listen(fd, ADOPTED_BACKLOG);
  return fd;
}
