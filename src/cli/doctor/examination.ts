import { counterDifferences, counters, limits, listeners, SYSCTLS } from 'listenq/kernel';
import type { Counters, Limits, ListeningSocket } from 'listenq/kernel';
import { reasons } from '../listener-text';
import { descriptorsOf, type Descriptors } from './descriptors';

/** Which listeners to look at; all, if neither is given. */
export interface Subject {
  port?: number;
  pid?: number;
}

/** A listener at both readings. */
export interface Examined extends ListeningSocket {
  /** How many waited at the fuller of the two readings. */
  longest: number | undefined;
  /** Drops between the two readings. */
  droppedNow: number | undefined;
}

/** All that was read. */
export interface Examination {
  subject: Subject;
  seconds: number;
  limits: Limits;
  /** undefined if they could not be read. */
  listeners: Examined[] | undefined;
  counters: Counters | undefined;
  /** By how much the counters moved between the two readings. */
  moved: Counters | undefined;
  descriptors: Descriptors[];
  /** What could not be read, and why. */
  unknown: string[];
}

interface Reading {
  listeners: ListeningSocket[] | undefined;
  counters: Counters | undefined;
  unknown: string[];
}

/** Reads twice, so long apart. */
export async function examine(subject: Subject, lookMs: number): Promise<Examination> {
  const before = read(subject);
  const began = performance.now();
  await new Promise((resolve) => setTimeout(resolve, lookMs));
  const after = read(subject);
  const seconds = (performance.now() - began) / 1000;
  const known = limits();
  const unknown = [...after.unknown, ...unreadLimits(known)];
  const sockets = after.listeners?.map((socket) => examined(socket, before.listeners));
  if (sockets !== undefined) unknown.push(...reasons(sockets), ...unseenOwners(sockets));
  return {
    subject,
    seconds,
    limits: known,
    listeners: sockets,
    counters: after.counters,
    moved: before.counters && after.counters && counterDifferences(before.counters, after.counters),
    descriptors: descriptorsOf(sockets ?? [], unknown),
    unknown,
  };
}

function read({ port, pid }: Subject): Reading {
  const unknown: string[] = [];
  const attempt = <T>(what: string, call: () => T): T | undefined => {
    try {
      return call();
    } catch (error) {
      unknown.push(`${what}: ${(error as Error).message}`);
      return undefined;
    }
  };
  const all = attempt('listeners', () =>
    listeners({ synLength: true, ...(port === undefined ? {} : { port }) }),
  );
  const held = ({ processes }: ListeningSocket): boolean =>
    pid === undefined || (processes?.some((process) => process.pid === pid) ?? false);
  return { listeners: all?.filter(held), counters: attempt('counters', counters), unknown };
}

function examined(socket: ListeningSocket, before: ListeningSocket[] | undefined): Examined {
  const earlier = before?.find(({ inode }) => inode === socket.inode);
  const { length, drops } = socket;
  return {
    ...socket,
    longest: length === undefined ? undefined : Math.max(length, earlier?.length ?? 0),
    // One that is new has dropped all of it in this time.
    droppedNow: drops === undefined || before === undefined ? undefined : drops - (earlier?.drops ?? 0),
  };
}

const CHECKED = ['somaxconn', 'tcpMaxSynBacklog', 'tcpSyncookies', 'tcpAbortOnOverflow'] as const;

function unreadLimits(known: Limits): string[] {
  return CHECKED.filter((limit) => known[limit] === undefined)
    .map((limit) => SYSCTLS[limit])
    .map((name) => `${name}: /proc/sys/${name.replaceAll('.', '/')} is not there to be read`);
}

/** In another pid namespace, as a container's processes seen from the next one; or the kernel's own. */
function unseenOwners(sockets: readonly ListeningSocket[]): string[] {
  const unseen = sockets.filter(({ processes }) => processes?.length === 0).length;
  const which = `${unseen} of ${sockets.length} listeners`;
  return unseen === 0 ? [] : [`processes: of ${which} none is in this pid namespace`];
}
