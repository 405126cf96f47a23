import { counterDifferences, counters, limits, listeners, SYSCTLS } from 'listenq/kernel';
import { attempt } from '../attempt';
import type { Counters, Limits, ListeningSocket } from 'listenq/kernel';
import { reasons } from '../listener-text';
import { Courses } from './courses';
import { descriptorsOf, type Descriptors } from './descriptors';

/** Which listeners to look at; all, if neither is given. */
export interface Subject {
  port?: number;
  pid?: number;
}

/** A listener at all readings. */
export interface Examined extends ListeningSocket {
  /** How many waited at most. */
  longest: number | undefined;
  /** Its queue was never empty and never became shorter, at several readings. */
  stands: boolean;
  /** Drops between the first reading and the last. */
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
  /** By how much the counters moved between the first reading and the last. */
  moved: Counters | undefined;
  /** How many connections of TCP these listeners can have accepted meanwhile, by the counters and the queues. */
  acceptedAtMost: number | undefined;
  descriptors: Descriptors[];
  /** What could not be read, and why. */
  unknown: string[];
}

interface Reading {
  listeners: ListeningSocket[] | undefined;
  counters: Counters | undefined;
  unknown: string[];
}

/** How often the queues are read in a look, and how far apart at least. */
const PARTS = 10;
const LEAST_PART_MS = 20;

/** Reads everything twice, so long apart, and the queues meanwhile. */
export async function examine(subject: Subject, lookMs: number): Promise<Examination> {
  const courses = new Courses();
  const before = read(subject);
  courses.add(before.listeners ?? []);
  const began = performance.now();
  await follow(courses, subject, lookMs);
  const after = read(subject);
  courses.add(after.listeners ?? []);
  const seconds = (performance.now() - began) / 1000;
  const known = limits();
  const unknown = [...after.unknown, ...unreadLimits(known)];
  const sockets = after.listeners?.map((socket) => examined(socket, before.listeners, courses));
  const moved = before.counters && after.counters && counterDifferences(before.counters, after.counters);
  if (sockets !== undefined) unknown.push(...reasons(sockets), ...unseenOwners(sockets));
  return {
    subject,
    seconds,
    limits: known,
    listeners: sockets,
    counters: after.counters,
    moved,
    acceptedAtMost: moved && (moved.passiveOpens ?? 0) - growthOf(sockets ?? [], courses),
    descriptors: descriptorsOf(sockets ?? [], unknown),
    unknown,
  };
}

/** Lets the time pass, and reads the queues at even distances; what is at both ends is read by others. */
async function follow(courses: Courses, { port }: Subject, lookMs: number): Promise<void> {
  const parts = Math.max(Math.min(PARTS, Math.floor(lookMs / LEAST_PART_MS)), 1);
  for (let part = 1; part <= parts; part++) {
    await new Promise((resolve) => setTimeout(resolve, lookMs / parts));
    if (part === parts) return;
    try {
      courses.add(listeners({ processes: false, ...(port === undefined ? {} : { port }) }));
    } catch {
      // The readings at both ends fail too, and say why.
    }
  }
}

/** By how much these queues of TCP grew, those that did. */
function growthOf(sockets: readonly ListeningSocket[], courses: Courses): number {
  return sockets
    .filter(({ protocol }) => protocol !== 'unix')
    .reduce((sum, { inode }) => sum + Math.max(courses.growth(inode), 0), 0);
}

function read({ port, pid }: Subject): Reading {
  const unknown: string[] = [];
  const options = { synLength: true, ...(port === undefined ? {} : { port }) };
  const all = attempt('listeners', () => listeners(options), unknown);
  const held = ({ processes }: ListeningSocket): boolean =>
    pid === undefined || (processes?.some((process) => process.pid === pid) ?? false);
  return { listeners: all?.filter(held), counters: attempt('counters', counters, unknown), unknown };
}

function examined(
  socket: ListeningSocket,
  before: ListeningSocket[] | undefined,
  courses: Courses,
): Examined {
  const { inode, drops } = socket;
  const earlier = before?.find((other) => other.inode === inode);
  return {
    ...socket,
    longest: courses.longest(inode),
    stands: courses.stands(inode),
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
