import { counters, listeners, type Counters, type ListeningSocket } from 'listenq/kernel';
import { attempt } from '../attempt';
import type { Owners } from './owners';

/** What was read at one moment. */
export interface Sample {
  /** Of the clock that only goes forward, in milliseconds. */
  at: number;
  time: Date;
  listeners: ListeningSocket[];
  /** undefined if they could not be read. */
  counters: Counters | undefined;
  /** What could not be read, and why. */
  problems: string[];
}

/** What two samples say of the time between. */
export interface Rates {
  seconds: number;
  /** Of the namespace. `accepted` follows from what came into the queues and by how much they grew. */
  namespace: Record<(typeof RATED)[number] | 'accepted', number> | undefined;
  /** By inode. */
  listeners: Map<number, ListenerRates>;
}

/** What is known of one listener, a second. */
export interface ListenerRates {
  drops: number | undefined;
  /** By how much its queue became shorter. */
  acceptedAtLeast: number | undefined;
}

const RATED = ['passiveOpens', 'listenOverflows', 'listenDrops', 'syncookiesSent'] as const;

/** Reads all listeners of the namespace and its counters. @throws Error if neither can be read */
export function takeSample(owners: Owners): Sample {
  const problems: string[] = [];
  const read = (): ListeningSocket[] => owners.addTo(listeners({ synLength: true, processes: false }));
  const found = attempt('listeners', read, problems);
  const counted = attempt('counters', counters, problems);
  if (found === undefined && counted === undefined) throw new Error(problems.join('; '));
  return { at: performance.now(), time: new Date(), listeners: found ?? [], counters: counted, problems };
}

export function ratesBetween(before: Sample, after: Sample): Rates {
  const seconds = Math.max((after.at - before.at) / 1000, 1e-3);
  const earlier = new Map(before.listeners.map((socket) => [socket.inode, socket]));
  const perSecond = (count: number | undefined): number | undefined =>
    count === undefined ? undefined : Math.max(count, 0) / seconds;
  return {
    seconds,
    namespace: namespaceRates(before, after, seconds),
    listeners: new Map(
      after.listeners.flatMap((socket) => {
        const was = earlier.get(socket.inode);
        if (was === undefined) return [];
        const rates = {
          drops: perSecond(difference(was.drops, socket.drops)),
          acceptedAtLeast: perSecond(difference(socket.length, was.length)),
        };
        return [[socket.inode, rates] as const];
      }),
    ),
  };
}

function difference(from: number | undefined, to: number | undefined): number | undefined {
  return from === undefined || to === undefined ? undefined : to - from;
}

function namespaceRates(before: Sample, after: Sample, seconds: number): Rates['namespace'] {
  const [from, to] = [before.counters, after.counters];
  if (from === undefined || to === undefined) return undefined;
  // Of four; counterDifferences() would take all hundred and forty each time.
  const moved = (name: (typeof RATED)[number]): number => difference(from[name], to[name]) ?? 0;
  const rated = Object.fromEntries(RATED.map((name) => [name, moved(name) / seconds]));
  const accepted = Math.max(moved('passiveOpens') - queueGrowth(before, after), 0) / seconds;
  return { ...(rated as Record<(typeof RATED)[number], number>), accepted };
}

/** By how much the queues of TCP grew. What waited in one that is closed now was reset, not accepted. */
function queueGrowth(before: Sample, after: Sample): number {
  const earlier = new Map(before.listeners.map(({ inode, length }) => [inode, length]));
  return after.listeners
    .filter(({ protocol }) => protocol !== 'unix')
    .reduce((sum, { inode, length }) => sum + (length ?? 0) - (earlier.get(inode) ?? 0), 0);
}
