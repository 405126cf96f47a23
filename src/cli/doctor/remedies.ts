import type { Examined } from './examination';
import type { Draft, Remedy } from './finding';
import { backlogLines } from './programs';

/** What to change, of a finding. */
export type Change = Pick<Draft, 'remedies' | 'sysctls'>;

const LEAST_BACKLOG = 1024;
const MOST_BACKLOG = 2 ** 30;

/**
 * How to ask for more, and to accept sooner; and the cap, where it stands in the way. The number has room for twice as
 * many as were there: it follows from them, not from the limit, so that one who has done it is not told to double it.
 */
export function raiseBacklog(sockets: readonly Examined[], somaxconn: number | undefined): Change {
  const backlog = roomyBacklog(sockets);
  const capped = somaxconn !== undefined && backlog > somaxconn;
  return {
    remedies: [
      { where: 'program', lines: backlogLines(sockets, backlog) },
      { where: 'systemd', lines: ['# the socket unit', '[Socket]', `Backlog=${backlog}`] },
      ...(capped ? [capCounts()] : staleLimits(sockets, somaxconn)),
    ],
    ...(capped && { sysctls: { 'net.core.somaxconn': backlog } }),
  };
}

/** A backlog with room for twice as many as the fullest of these had. */
export function roomyBacklog(sockets: readonly Examined[]): number {
  const demand = Math.max(0, ...sockets.map(demandOf));
  return Math.min(Math.max(LEAST_BACKLOG, 2 ** Math.ceil(Math.log2(2 * demand))), MOST_BACKLOG);
}

/** How many clients one listener had at most: those who waited, those who were turned away, and those half-open. */
function demandOf({ longest = 0, droppedNow = 0, synLength = 0 }: Examined): number {
  return longest + Math.max(droppedNow, 0) + synLength;
}

/** The kernel looks at the cap in listen(2), and not again. */
export function capCounts(): Remedy {
  return {
    where: 'program',
    lines: [
      '# net.core.somaxconn caps the backlog at listen(2): raise it first, then restart or listen again',
    ],
  };
}

/** Of those below a cap that is large enough: it may have been raised after they began to listen. */
function staleLimits(sockets: readonly Examined[], somaxconn: number | undefined): Remedy[] {
  const limits = sockets.flatMap(({ limit }) =>
    limit !== undefined && somaxconn !== undefined && limit < somaxconn ? [limit] : [],
  );
  if (limits.length === 0) return [];
  const which =
    limits.length === 1
      ? `this listener still has ${limits[0]}: it`
      : `these listeners still have ${Math.min(...limits)} to ${Math.max(...limits)}: they`;
  const line = `# net.core.somaxconn is ${somaxconn} now, but ${which} must listen again (restart, or setBacklog)`;
  return [{ where: 'program', lines: [line] }];
}
