import type { ListeningSocket } from 'listenq/kernel';
import { fullness, NEARLY_FULL } from '../fullness';
import { ownerText } from '../listener-text';
import { counted } from '../words';
import type { Examination, Examined } from './examination';
import type { Draft } from './finding';
import { listenerLine } from './listener-line';
import { isNode } from './programs';
import { raiseBacklog } from './remedies';
import { droppedBySynBacklog, halfOpenSysctls } from './syn-queues';

/** The worst that there is to say of a listener, so that each is in one finding. */
type Fault = 'not-accepted' | 'queue-full' | 'queue-full-unix' | 'drops-now' | 'queue-nearly-full' | 'drops';

/** Queues that are full, or nearly, or from which nobody takes; and SYNs that listeners dropped. */
export function checkQueues(examination: Examination): Draft[] {
  const { limits, moved } = examination;
  const byFault = new Map<Fault, Examined[]>();
  for (const socket of examination.listeners ?? []) {
    const fault = faultOf(socket, examination);
    if (fault !== undefined) byFault.set(fault, [...(byFault.get(fault) ?? []), socket]);
  }
  const pressure = (fault: Fault, rest: string, noun = 'accept queue'): Draft[] => {
    const sockets = byFault.get(fault) ?? [];
    if (sockets.length === 0) return [];
    const id = fault.replace('-unix', '');
    const title = `${counted(sockets.length, noun)} ${rest}`;
    const change =
      fault === 'drops-now' && droppedBySynBacklog(moved, limits)
        ? { remedies: [], sysctls: halfOpenSysctls(limits) }
        : raiseBacklog(sockets, limits.somaxconn);
    return [{ id, severity: 'problem', title, details: sockets.map(listenerLine), ...change }];
  };
  return [
    ...notAccepted(byFault.get('not-accepted') ?? [], examination),
    ...pressure('queue-full', 'full: the next client is not let in, and hears nothing'),
    ...pressure('queue-full-unix', 'full: the next client waits in connect(), or gets EAGAIN'),
    ...pressure('drops-now', 'dropping SYNs at this moment', 'listener'),
    ...pressure(
      'queue-nearly-full',
      `taken to ${NEARLY_FULL * 100} % or more: the server accepts too slowly`,
    ),
    ...droppedEarlier(byFault.get('drops') ?? [], examination),
  ];
}

function faultOf(socket: Examined, examination: Examination): Fault | undefined {
  const { longest: length, limit, protocol, drops, droppedNow, stands } = socket;
  const share = fullness({ length, limit }) ?? 0;
  // A full queue that does not become shorter may be one that fills again at once.
  if (stands && (share < 1 || nothingAccepted(examination, socket))) return 'not-accepted';
  if (share >= 1) return protocol === 'unix' ? 'queue-full-unix' : 'queue-full';
  // A listener counts stray segments too, such as a port scanner's; this counter does not move for those.
  if ((droppedNow ?? 0) > 0 && examination.moved?.listenDrops !== 0) return 'drops-now';
  if (share >= NEARLY_FULL) return 'queue-nearly-full';
  return (drops ?? 0) > 0 ? 'drops' : undefined;
}

/** Whether that is certain: of a Unix-domain socket nothing is counted, and elsewhere others may have accepted. */
function nothingAccepted({ acceptedAtMost }: Examination, { protocol }: ListeningSocket): boolean {
  return protocol !== 'unix' && acceptedAtMost !== undefined && acceptedAtMost <= 0;
}

function notAccepted(sockets: readonly Examined[], examination: Examination): Draft[] {
  if (sockets.length === 0) return [];
  const waiting = sockets.reduce((sum, { longest }) => sum + (longest ?? 0), 0);
  const where = sockets.length === 1 ? '' : ` in ${sockets.length} accept queues`;
  const what = sockets.every((socket) => nothingAccepted(examination, socket))
    ? 'nothing was accepted'
    : 'the queue never became shorter';
  const owners = [...new Set(sockets.map(ownerText))].join(', ');
  const title = `${waiting} wait${where} and ${what} in ${examination.seconds.toFixed(1)} s: look at the process ${owners}; a larger backlog only delays it`;
  const details = sockets.map(listenerLine);
  return [{ id: 'not-accepted', severity: 'problem', title, details, remedies: lookAtOwners(sockets) }];
}

function lookAtOwners(sockets: readonly Examined[]): Draft['remedies'] {
  const processes = sockets.flatMap((socket) => socket.processes ?? []);
  if (processes.length === 0)
    return [{ where: 'look', lines: ['# who has it open', 'sudo npx listenq doctor'] }];
  const pids = [...new Set(processes.map(({ pid }) => pid))].join(',');
  const look = ['# what it is, and what its threads wait for', `ps -L -o pid,stat,wchan:32,args -p ${pids}`];
  const accept = 'acceptLoop({ port }) // listenq: accepts while the event loop is busy';
  const program = processes.some(({ name }) => isNode(name))
    ? [{ where: 'program' as const, lines: [accept] }]
    : [];
  return [{ where: 'look', lines: look }, ...program];
}

/** The count of a listener never goes back: what dropped once and does no more is no problem. */
function droppedEarlier(sockets: readonly Examined[], examination: Examination): Draft[] {
  if (sockets.length === 0) return [];
  const { counters, moved, seconds } = examination;
  const neverFull = counters?.listenDrops === 0;
  const details = sockets.map(listenerLine);
  const who = counted(sockets.length, 'listener');
  if (neverFull) {
    const title = `${who} dropped segments, though no queue here has ever been full: stray ones`;
    return [{ id: 'stray-drops', severity: 'advice', title, details, remedies: [] }];
  }
  const drops = sockets.reduce((sum, socket) => sum + (socket.drops ?? 0), 0);
  const title = `${who} dropped ${counted(drops, 'SYN')} earlier, and none now; the count goes back to 0 only with a new socket`;
  const rate = seconds < 0.1 ? 0 : Math.round((moved?.passiveOpens ?? 0) / seconds);
  const known = rate === 0 ? '' : `; here it was at least ${rate} just now`;
  const lines = [
    `# whether the backlog is large enough: R new connections a second${known}, no accept for MS ms`,
    `npx listenq explain --rate ${rate === 0 ? 'R' : rate} --pause MS`,
  ];
  return [{ id: 'drops', severity: 'advice', title, details, remedies: [{ where: 'look', lines }] }];
}
