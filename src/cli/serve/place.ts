import { listen, type Address, type Listener } from 'listenq';
import { printable } from '../terminal';

/** Where to listen, as the command line says it. */
export interface Place {
  port?: number;
  host: string;
  path?: string;
  backlog?: number;
}

/** @throws what `listen` throws */
export function listenAt({ port, host, path, backlog }: Place): Listener {
  // What the kernel holds is said in any case.
  const queue = { warnIfCapped: false, ...(backlog !== undefined && { backlog }) };
  if (path !== undefined) return listen({ path: path.replace(/^@/, '\0'), ...queue });
  return listen({ port: port ?? 0, host, ...queue });
}

/** An address for people: `127.0.0.1 port 9999`, `/run/x.sock`, `@abstract`. */
export function placeOf(address: Address): string {
  if (address.family !== 'unix') return `${address.address} port ${address.port}`;
  return address.path === '' ? 'a socket without a name' : printable(address.path.replace(/^\0/, '@'));
}
