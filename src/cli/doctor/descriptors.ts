import * as fs from 'node:fs';
import type { ListeningSocket } from 'listenq/kernel';
import { printable } from '../terminal';
import { raiseDescriptorLimit, readDescriptorLimit } from './descriptor-limit';
import type { Finding } from './finding';

/** The descriptors of a process. */
export interface Descriptors {
  pid: number;
  name: string;
  open: number;
  /** RLIMIT_NOFILE, the soft one: at it, accept(2) fails with EMFILE. */
  limit: number;
  /** The hard one: so far the process may raise it itself. */
  hardLimit: number;
}

const NEARLY_ALL = 0.9;

/** Reads /proc/PID/fd and /proc/PID/limits of each process that owns one of these. */
export function descriptorsOf(sockets: readonly ListeningSocket[], unknown: string[]): Descriptors[] {
  const names = new Map(
    sockets.flatMap(({ processes }) => processes ?? []).map(({ pid, name }) => [pid, name]),
  );
  return [...names].flatMap(([pid, name]) => {
    try {
      const { soft, hard } = readDescriptorLimit(pid);
      const open = fs.readdirSync(`/proc/${pid}/fd`).length;
      return [{ pid, name, open, limit: soft, hardLimit: hard }];
    } catch (error) {
      unknown.push(`descriptors of ${printable(name)} ${pid}: ${(error as Error).message}`);
      return [];
    }
  });
}

export function checkDescriptors(
  found: readonly Descriptors[],
  sockets: readonly ListeningSocket[],
): Finding[] {
  return found.flatMap((process): Finding[] => {
    const { pid, open, limit } = process;
    const line = `${printable(process.name)} ${pid}: ${open} of ${limit} descriptors open`;
    const queued = Math.max(0, ...heldBy(sockets, pid).map((socket) => (socket.limit ?? 0) + 1));
    const needed = Math.max(2 * open, open + queued);
    const remedies = raiseDescriptorLimit(pid, { soft: limit, hard: process.hardLimit }, needed);
    if (open >= NEARLY_ALL * limit) {
      const title = `${printable(process.name)} ${pid} is near its descriptor limit: at it, accept(2) fails and the queue fills`;
      return [{ id: 'descriptors', severity: 'problem', title, details: [line], remedies }];
    }
    if (open + queued <= limit) return [];
    const title = `${printable(process.name)} ${pid} may open fewer descriptors than its queue holds connections`;
    const details = [`${line}; a full queue needs ${queued} more`];
    return [{ id: 'descriptors-below-backlog', severity: 'advice', title, details, remedies }];
  });
}

/** The internet listeners that a process has open. */
function heldBy(sockets: readonly ListeningSocket[], pid: number): ListeningSocket[] {
  return sockets.filter(
    ({ protocol, processes }) => protocol !== 'unix' && processes?.some((process) => process.pid === pid),
  );
}
