/** What an accept loop has counted since it began. `accepted` is the sum of `delivered`, `waiting`, all of `refused`, and
 * those that `close()` found untaken. */
export interface AcceptLoopStats {
  /** Connections taken out of the kernel's queues. */
  accepted: number;
  /** Of these, handed to a caller or to 'connection'. */
  delivered: number;
  /** Accepted, and not taken yet. */
  waiting: number;
  /** Waiting, or handed over and not closed; counted only where `maxConnections` is set, as else nobody asks. */
  open: number | undefined;
  /** Refused after accept(2), by the option that refused them. */
  refused: { maxWaitMs: number; maxWaiting: number; maxConnections: number; blockList: number };
  /** Connections that accept(2) reported as failed: gone, and passed over. */
  failed: number;
  /** How often descriptors or memory ran out; a shortage that comes back within a second is the same one. */
  shortages: number;
  /** The longest time in milliseconds from the end of a handshake to the connection's being taken or refused. The time
   * in the kernel's queue is in it, in steps of a kernel tick; for AF_UNIX, where it isn't known, it is not. */
  longestWaitMs: number;
  /** The longest accept queue that the kernel showed when a burst began; 0 for AF_UNIX, which is not asked. */
  longestQueue: number;
  /** SYNs that the listeners have dropped since the loop began, as far as the accepting thread has looked: it does where a
   * queue is, or has been, more than half full. 0 for AF_UNIX and MPTCP, which count none. */
  drops: number;
}

/** Names the addon's numbers. */
export function statsOf(numbers: readonly number[], countsOpen: boolean): AcceptLoopStats {
  const [accepted, delivered, waiting, open, late, crowded, beyond, blocked, ...rest] = numbers as Tuple<13>;
  const [failed, shortages, longestWaitMs, longestQueue, drops] = rest;
  return {
    ...{ accepted, delivered, waiting, open: countsOpen ? open : undefined },
    refused: { maxWaitMs: late, maxWaiting: crowded, maxConnections: beyond, blockList: blocked },
    ...{ failed, shortages, longestWaitMs, longestQueue, drops },
  };
}

type Tuple<N extends number, T extends number[] = []> = T['length'] extends N ? T : Tuple<N, [...T, number]>;
