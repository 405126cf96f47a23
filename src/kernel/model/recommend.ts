import { invalidArgType, outOfRange } from '../../errors';
import * as check from '../../validate';
import { knownLimits, type Known, type ModelLimits } from './known-limits';
import { meanBeyond, moreThan, upperQuantile } from './poisson';

/** What a listener has to bear. */
export interface Load {
  /** New connections a second, on average, while the server pauses. */
  arrivalsPerSecond: number;
  /** The longest time that nothing is accepted, in milliseconds: garbage collection, a blocking call, a restart. */
  longestPauseMs: number;
  /** As of `explainBacklog`. */
  limits?: ModelLimits;
}

export interface BacklogRecommendation {
  /** What to pass to listen(2). */
  backlog: number;
  /** How many connections can wait then. */
  waiting: number;
  /** How many come in the longest pause, on average. */
  expected: number;
  /** How many more than that can wait. */
  margin: number;
  /** The probability that more come in such a pause than can wait. */
  overflowChance: number;
  /** The backlog that Node.js asks for where none is given, under the same load and limits. */
  nodeDefault: {
    backlog: number;
    waiting: number;
    overflowChance: number;
    /** How many find no room in the longest pause, on average. */
    refused: number;
    /** The pause after which it is full on average, in milliseconds; undefined if nobody comes. */
    fullAfterMs: number | undefined;
  };
  /** The reasons, a sentence each. */
  why: string[];
  /** What keeps the kernel from granting it. */
  obstacles: Obstacle[];
  /** Limits that were not known, a clause each. */
  assumed: string[];
}

/** A sysctl that is too small. */
export interface Obstacle {
  sysctl: string;
  value: number;
  needed: number;
  why: string;
  /** The command that changes it until the next boot. */
  set: string;
}

/** How often a pause may be too long for the queue: once in a million. */
const EXCEEDED = 1e-6;
/** What Node.js passes to listen(2) if it is told nothing. */
const NODE_BACKLOG = 511;
const INT32_MAX = 2 ** 31 - 1;

/**
 * Computes the backlog that lets every client wait through the longest pause of the server. Arrivals are taken to be
 * independent of each other: in one pause in a million more come than fit (a quantile of the Poisson distribution). A
 * queue bridges a pause; no backlog helps a server that accepts more slowly than clients come.
 *
 * @throws ERR_INVALID_ARG_TYPE; ERR_OUT_OF_RANGE for what is negative or not finite, or needs more than an int32
 */
export function recommendBacklog(load: Load): BacklogRecommendation {
  const told = check.object(load, 'load');
  check.noOthers(told, ['arrivalsPerSecond', 'longestPauseMs', 'limits'], 'load');
  const rate = finite(told['arrivalsPerSecond'], 'load.arrivalsPerSecond');
  const pause = finite(told['longestPauseMs'], 'load.longestPauseMs');
  const known = knownLimits(told['limits'], 'load.limits');
  const expected = (rate * pause) / 1000;
  if (expected > INT32_MAX) throw tooMany(expected);
  const room = Math.max(1, upperQuantile(expected, EXCEEDED));
  const backlog = room - 1;
  if (backlog > INT32_MAX) throw tooMany(expected);
  const nodeDefault = ofNode(expected, rate, known);
  return {
    backlog,
    waiting: room,
    expected,
    margin: room - expected,
    overflowChance: moreThan(room, expected),
    nodeDefault,
    why: reasons(rate, pause, expected, room, nodeDefault),
    obstacles: obstaclesTo(backlog, known),
    assumed: known.assumed,
  };
}

function finite(value: unknown, name: string): number {
  if (typeof value !== 'number') throw invalidArgType(name, 'a number', value);
  if (!(value >= 0 && value < Infinity)) throw outOfRange(name, 'a finite number from 0', value);
  return value;
}

function tooMany(expected: number): Error {
  const most = `a load that listen(2) has a backlog for: at most ${INT32_MAX} connections, less a margin`;
  return outOfRange('load.arrivalsPerSecond * load.longestPauseMs / 1000', most, expected);
}

function ofNode(expected: number, rate: number, { values }: Known): BacklogRecommendation['nodeDefault'] {
  const waiting = Math.min(NODE_BACKLOG, values.somaxconn) + 1;
  return {
    backlog: NODE_BACKLOG,
    waiting,
    overflowChance: moreThan(waiting, expected),
    refused: meanBeyond(waiting, expected),
    fullAfterMs: rate === 0 ? undefined : (waiting / rate) * 1000,
  };
}

function reasons(
  rate: number,
  pause: number,
  expected: number,
  room: number,
  node: BacklogRecommendation['nodeDefault'],
): string[] {
  return [
    `In ${pause} ms at ${rate} arrivals a second, ${clients(expected)} would come on average.`,
    ...(expected === 0
      ? []
      : [
          `They do not come evenly: in one such pause in a million there are more than ${room}, so that room for ` +
            `${room} is needed.`,
        ]),
    `A queue holds one more than its backlog: ${room - 1}.`,
    node.overflowChance <= EXCEEDED
      ? `Node's default of ${NODE_BACKLOG} would do: ${node.waiting} can wait.`
      : `Node's default of ${NODE_BACKLOG} lets ${node.waiting} wait here, and is full after ` +
        `${Math.round(node.fullAfterMs ?? Infinity)} ms on average; ${clients(node.refused)} would find no room.`,
  ];
}

/** A number of clients that need not be whole, for people. */
function clients(count: number): string {
  if (count > 0 && count < 1) return 'less than 1 client';
  const whole = Math.round(count);
  return `${whole} client${whole === 1 ? '' : 's'}`;
}

function obstaclesTo(backlog: number, { values }: Known): Obstacle[] {
  const obstacles: Obstacle[] = [];
  if (values.somaxconn < backlog) {
    obstacles.push({
      sysctl: 'net.core.somaxconn',
      value: values.somaxconn,
      needed: backlog,
      why: 'it caps every backlog, at listen(2)',
      set: `sysctl -w net.core.somaxconn=${backlog}`,
    });
  }
  const needed = synBacklogFor(backlog);
  if (values.tcpSyncookies === 0 && values.tcpMaxSynBacklog < needed) {
    obstacles.push({
      sysctl: 'net.ipv4.tcp_max_syn_backlog',
      value: values.tcpMaxSynBacklog,
      needed,
      why: 'without cookies it bounds the handshakes under way, to three quarters of it',
      set: `sysctl -w net.ipv4.tcp_max_syn_backlog=${needed}`,
    });
  }
  return obstacles;
}

/** The least net.ipv4.tcp_max_syn_backlog by which as many handshakes may be under way as can wait. */
function synBacklogFor(backlog: number): number {
  let value = Math.floor((backlog * 4) / 3);
  while (value - Math.floor(value / 4) < backlog) value += 1;
  return Math.min(value, INT32_MAX);
}
