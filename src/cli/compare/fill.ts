import { listen } from 'listenq';
import * as sys from 'listenq/syscalls';
import type { Effort, Filling, NextClient } from './cell';
import { tryConnect, watch, type RefusedAttempt } from './client';

/**
 * So many clients stay open before the oldest is closed. A reset must not overtake the ACK that puts its connection
 * into the accept queue, which it could if the process changed CPUs between the two; a closed client's connection
 * keeps its place in the queue.
 */
const KEPT_OPEN = 32;
/** So many more clients than the kernel promises room for are tried. */
const SLACK = 100;

/**
 * Fills the accept queue of a listening descriptor with clients that connect one after another, and watches the first
 * that is not admitted. Blocks this thread all the while, so that nothing in it accepts.
 */
export function fillQueue(fd: number, effort: Effort): Filling {
  // A copy of the descriptor, adopted without a backlog: no listen(2), the queue stays as it is.
  const view = listen({ fd: sys.dup(fd) });
  const clients: number[] = [];
  try {
    const { limit } = view.queue();
    // The end is bound to come soon after `limit`. Were it not to, that would be seen as an uncounted end.
    const most = limit <= effort.countAll ? limit + SLACK : effort.countSome;
    const isFull = (): boolean => view.queue().length > limit;
    const { admitted, next } = admitUpTo(most, sys.getsockname(fd), clients, (client) =>
      watch(client, effort.awaitRetransmission || !isFull()),
    );
    return { limit, admitted, waiting: view.queue().length, countedToEnd: next !== null, next };
  } finally {
    for (const client of clients) sys.close(client);
    view.close();
  }
}

function admitUpTo(
  most: number,
  address: sys.Address,
  clients: number[],
  lookAfter: (refused: RefusedAttempt) => NextClient | null,
): { admitted: number; next: NextClient | null } {
  let admitted = 0;
  while (admitted < most) {
    const client = tryConnect(address);
    clients.push(client.fd);
    const next = client.admitted ? null : lookAfter(client);
    if (next !== null) return { admitted, next };
    admitted += 1;
    if (clients.length > KEPT_OPEN) sys.close(clients.shift() as number);
  }
  return { admitted, next: null };
}
