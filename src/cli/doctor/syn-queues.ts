import { explainBacklog, type Counters, type HalfOpenExplanation, type Limits } from 'listenq/kernel';
import { addressText } from '../listener-text';
import { counted } from '../words';
import type { Examination, Examined } from './examination';
import type { Draft } from './finding';
import { listenerLine } from './listener-line';
import { raiseBacklog, roomyBacklog, type Change } from './remedies';

interface SynQueue extends HalfOpenExplanation {
  socket: Examined;
}

const INT32_MAX = 2 ** 31 - 1;
const MOST_SYN_BACKLOG = 2 ** 30;
const LEAST_SYN_BACKLOG = 2048;
const SYN_BACKLOG = 'net.ipv4.tcp_max_syn_backlog';

/** SYN queues that are full at the second reading: half-open clients have taken every place. */
export function checkSynQueues({ listeners = [], limits }: Examination): Draft[] {
  const full = fullSynQueues(listeners, limits);
  const dropping = full.filter(({ beyond }) => beyond === 'drop');
  const answering = full.filter(({ beyond }) => beyond === 'cookie').map(({ socket }) => socket);
  const drafts: Draft[] = [];
  if (dropping.length > 0) {
    const title = `${counted(dropping.length, 'SYN queue')} full, and syncookies are off: the next client is not let in, and hears nothing`;
    const details = dropping.map(
      ({ socket, most, boundBy }) => `${listenerLine(socket)}; ${boundBy} has room for ${most}`,
    );
    const change = roomInstead(dropping, limits);
    drafts.push({ id: 'syn-queue-full', severity: 'problem', title, details, ...change });
  }
  if (answering.length > 0) {
    const title = `${counted(answering.length, 'SYN queue')} full: the next client is answered with a cookie`;
    const change = raiseBacklog(answering, limits.somaxconn);
    const details = answering.map(listenerLine);
    drafts.push({ id: 'syn-queue-full', severity: 'advice', title, details, ...change });
  }
  return drafts;
}

/**
 * Whether SYNs, as these counters grew, were dropped by net.ipv4.tcp_max_syn_backlog: that moves ListenDrops alone, and
 * the accept queue has room, so that a larger backlog lets nobody in.
 */
export function droppedBySynBacklog(grown: Counters | undefined, { tcpSyncookies }: Limits): boolean {
  const { listenDrops = 0, listenOverflows = 0, tcpReqQFullDrop = 0 } = grown ?? {};
  return tcpSyncookies === 0 && listenDrops > listenOverflows + tcpReqQFullDrop;
}

/** The sysctls that let more clients be half-open where net.ipv4.tcp_max_syn_backlog turns them away. */
export function halfOpenSysctls({ tcpMaxSynBacklog = 0 }: Limits): Record<string, number> {
  return { 'net.ipv4.tcp_syncookies': 1, [SYN_BACKLOG]: twice(tcpMaxSynBacklog) };
}

/** Those of TCP, by what the model says of their limit. With tcp_syncookies 2 there is none that could be full. */
function fullSynQueues(listeners: readonly Examined[], limits: Limits): SynQueue[] {
  const queues = listeners.flatMap((socket): SynQueue[] => {
    if (socket.protocol === 'unix' || socket.limit === undefined || socket.synLength === undefined) return [];
    // The cap was applied at listen(2), and may be another one now.
    const known = { ...limits, somaxconn: INT32_MAX };
    return [{ socket, ...explainBacklog(Math.min(socket.limit, INT32_MAX), known).tcp.halfOpen }];
  });
  return queues.filter((queue) => {
    // Listeners that share a port have one number together, and it is not known whose queue is fuller.
    const together = queues.filter(({ socket }) => addressText(socket) === addressText(queue.socket));
    const places = together.reduce((sum, { most }) => sum + most, 0);
    return queue.boundBy !== 'net.ipv4.tcp_syncookies' && (queue.socket.synLength ?? 0) >= places;
  });
}

/** What gives these more places: cookies, and of the two bounds the one that was met. */
function roomInstead(queues: readonly SynQueue[], limits: Limits): Change {
  const ofBacklog = queues.filter(({ boundBy }) => boundBy === 'backlog').map(({ socket }) => socket);
  const { remedies, sysctls } =
    ofBacklog.length === 0 ? { remedies: [] } : raiseBacklog(ofBacklog, limits.somaxconn);
  const wanted = ofBacklog.length === 0 ? 0 : roomyBacklog(ofBacklog);
  // A quarter of it is kept for clients that are known.
  const tcpMaxSynBacklog = Math.max(limits.tcpMaxSynBacklog ?? 0, wanted);
  return { remedies, sysctls: { ...sysctls, ...halfOpenSysctls({ ...limits, tcpMaxSynBacklog }) } };
}

function twice(value: number): number {
  return Math.min(
    Math.max(LEAST_SYN_BACKLOG, 2 ** Math.ceil(Math.log2(2 * Math.max(value, 1)))),
    MOST_SYN_BACKLOG,
  );
}
