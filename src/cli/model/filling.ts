import * as sys from 'listenq/syscalls';
import { tryConnect } from '../compare/client';
import type { Scope } from '../conformance/scope';

/**
 * So many clients stay open before the oldest is closed. A reset must not overtake the ACK that puts its connection
 * into the accept queue, which it could if the process changed CPUs between the two. The connection of a closed client
 * keeps its place.
 */
const KEPT_OPEN = 32;

/** Clients one after another, up to `most` or the first that is not admitted. */
export function admit(s: Scope, to: sys.Address, most: number): void {
  const clients: number[] = [];
  try {
    for (let admitted = true; admitted && most > 0; most--) {
      const client = tryConnect(to);
      clients.push(client.fd);
      ({ admitted } = client);
      if (clients.length > KEPT_OPEN) sys.close(clients.shift() as number);
    }
  } finally {
    for (const fd of clients) s.own(fd);
  }
}
