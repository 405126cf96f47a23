import { once } from 'node:events';
import * as net from 'node:net';
import { acceptLoopOf } from 'listenq/server';
import type { InternetAddress } from 'listenq/syscalls';
import { blockUntil } from '../accept-loop/support';
import { beginConnects } from '../support/sockets';

export const HOST = '127.0.0.1';

/** Has a server listen, and its accept thread begin: one client has come and gone. */
export async function listening(server: net.Server, backlog = 511): Promise<InternetAddress> {
  server.listen(0, HOST, backlog);
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const first = once(server, 'connection') as Promise<[net.Socket]>;
  const client = net.connect(port, HOST).resume();
  const [socket] = await first;
  const ends = [once(socket, 'close'), once(client, 'close')];
  socket.resume().end();
  await Promise.all(ends);
  return { family: 'IPv4', address: HOST, port };
}

/** Clients that the accept thread has accepted, and that were not emitted: this thread has kept from its event loop. */
export function acceptedClients(server: net.Server, address: InternetAddress, count: number): number[] {
  const clients = beginConnects(address, count);
  blockUntil(() => untaken(server) === count, `${count} are accepted`);
  return clients;
}

/** How many the accept thread has accepted that were not emitted yet. */
export function untaken(server: net.Server): number {
  return acceptLoopOf(server)?.stats().waiting ?? 0;
}
