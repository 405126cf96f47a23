import { SystemCallError, type Address, type Listener } from 'listenq';
import { counted } from '../words';
import { placeOf } from './place';

/** Where it listens, and what the kernel made of the backlog that was asked for. */
export interface Standing {
  address: Address;
  /** null: none was asked for. */
  backlog: number | null;
  /** What the kernel holds, as `ss -ltn` shows it under Send-Q; null where it does not tell, which may be so of a
   * Unix-domain socket. */
  limit: number | null;
  /** How many clients can wait, one after another. */
  waiting: number | null;
  capped: boolean;
}

export function standingOf(listener: Listener, asked: number | undefined): Standing {
  const limit = limitOf(listener);
  return {
    address: listener.address(),
    backlog: asked ?? null,
    limit,
    waiting: limit === null ? null : limit + 1,
    capped: limit !== null && asked !== undefined && asked > limit,
  };
}

function limitOf(listener: Listener): number | null {
  try {
    return listener.queue().limit;
  } catch (error) {
    if (error instanceof SystemCallError) return null;
    throw error;
  }
}

/** One line: where, what was asked for, and what is held. */
export function sentenceOf({ address, backlog, limit, waiting }: Standing): string {
  const asked = backlog === null ? 'no backlog asked for' : `backlog ${backlog} asked for`;
  const held =
    limit === null || waiting === null
      ? 'what is held the kernel does not tell'
      : `${limit} held by the kernel, so that ${counted(waiting, 'client')} can wait`;
  return `listening on ${placeOf(address)}: ${asked}, ${held}`;
}

/** What stands in the way of the backlog that was asked for. */
export function warningOf({ backlog, limit, capped }: Standing): string | undefined {
  if (!capped) return undefined;
  return (
    `net.core.somaxconn caps the backlog at ${limit}; to have ${backlog ?? limit}, ` +
    `sysctl -w net.core.somaxconn=${backlog ?? limit}, and start this again`
  );
}
