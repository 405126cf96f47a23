import { addressText, fullness, NEARLY_FULL, ownerText } from '../listener-text';
import type { Examination, Examined } from './examination';
import { counted, type Finding } from './finding';
import { raiseBacklog, roomyBacklog, setSysctl } from './remedies';

/** '127.0.0.1:80 (node 17): 6 wait, limit 5, 4 drops'. */
export function listenerLine(socket: Examined): string {
  const { longest, limit, drops, droppedNow, synLength, protocol } = socket;
  const parts = [
    `${longest ?? '?'} wait`,
    `limit ${limit ?? '?'}`,
    ...(protocol === 'unix'
      ? []
      : [`${drops ?? '?'} drops${(droppedNow ?? 0) > 0 ? `, ${droppedNow} of them now` : ''}`]),
    ...(synLength === undefined || synLength === 0 ? [] : [`${synLength} half-open`]),
  ];
  return `${addressText(socket)} (${ownerText(socket)}): ${parts.join(', ')}`;
}

/** Queues that are full, or nearly. */
export function checkQueues({ listeners = [], limits }: Examination): Finding[] {
  const share = (socket: Examined): number => fullness({ length: socket.longest, limit: socket.limit }) ?? 0;
  const full = listeners.filter((socket) => share(socket) >= 1);
  const nearly = listeners.filter((socket) => share(socket) >= NEARLY_FULL && share(socket) < 1);
  const make = (id: string, sockets: Examined[], rest: string): Finding[] => {
    if (sockets.length === 0) return [];
    const title = `${counted(sockets.length, 'accept queue')} ${rest}`;
    const remedies = raiseBacklog(roomyBacklog(sockets), limits.somaxconn);
    return [{ id, severity: 'problem', title, details: sockets.map(listenerLine), remedies }];
  };
  const slow = `taken to ${NEARLY_FULL * 100} % or more: the server accepts too slowly`;
  return [
    ...make('queue-full', full, 'full: the next client is not let in, and hears nothing'),
    ...make('queue-nearly-full', nearly, slow),
  ];
}

/** SYNs that these listeners, or others of the namespace, have dropped. */
export function checkDrops(examination: Examination): Finding[] {
  const { listeners = [], limits, counters, moved } = examination;
  // A listener counts stray segments too, such as a port scanner's; these counters do not move for those.
  const [nobodyDrops, neverFull] = [
    moved?.listenDrops === 0,
    counters?.listenOverflows === 0 && (counters.tcpReqQFullDrop ?? 0) === 0,
  ];
  const dropped = listeners.filter(({ drops }) => (drops ?? 0) > 0);
  const now = nobodyDrops ? [] : dropped.filter(({ droppedNow }) => (droppedNow ?? 0) > 0);
  const earlier = dropped.filter((socket) => !now.includes(socket));
  const make = (id: string, severity: Finding['severity'], sockets: Examined[], rest: string): Finding[] => {
    if (sockets.length === 0) return [];
    const title = `${counted(sockets.length, 'listener')} ${rest}`;
    const remedies = severity === 'advice' ? [] : raiseBacklog(roomyBacklog(sockets), limits.somaxconn);
    return [{ id, severity, title, details: sockets.map(listenerLine), remedies }];
  };
  const stray = 'dropped segments, though no queue here has ever been full: stray ones';
  return [
    ...make('drops-now', 'problem', now, 'dropping SYNs at this moment'),
    ...(neverFull
      ? make('stray-drops', 'advice', earlier, stray)
      : make('drops', 'problem', earlier, 'dropped SYNs earlier')),
    ...checkNamespace(examination, dropped.length > 0),
  ];
}

/** What the namespace's counters know beyond the listeners that are there. */
function checkNamespace(examination: Examination, accountedFor: boolean): Finding[] {
  const { counters, moved, limits, listeners = [] } = examination;
  const findings: Finding[] = [];
  const add = (
    id: string,
    severity: Finding['severity'],
    title: string,
    remedies: Finding['remedies'] = [],
  ): void => {
    findings.push({ id, severity, title, details: [], remedies });
  };
  const [overflows, dropsNow] = [counters?.listenOverflows ?? 0, moved?.listenDrops ?? 0];
  const { chosen, whose } = rest(examination);
  if (!accountedFor && dropsNow > 0) {
    const title = `${counted(dropsNow, 'drop')} in this network namespace at this moment, of ${whose}`;
    add('drops-now-elsewhere', chosen ? 'advice' : 'problem', title);
  } else if (!accountedFor && overflows > 0) {
    const title = `${counted(overflows, 'overflow')} since this network namespace began, of ${whose}`;
    add('overflows-elsewhere', 'advice', title);
  }
  const synDrops = moved?.tcpReqQFullDrop ?? 0;
  if (synDrops > 0) {
    const title = `${counted(synDrops, 'SYN')} dropped at this moment because a SYN queue is full and syncookies are off`;
    add('syn-queue-drops-now', 'problem', title, setSysctl('net.ipv4.tcp_syncookies', 1));
  }
  const cookies = moved?.tcpReqQFullDoCookies ?? 0;
  if (cookies > 0 && limits.tcpSyncookies !== 2) {
    const title = `${counted(cookies, 'SYN')} answered with a cookie at this moment: a SYN queue is full`;
    add('cookies-now', 'advice', title, raiseBacklog(roomyBacklog(listeners), limits.somaxconn));
  }
  return findings;
}

/** Whose the drops may be that none of the listeners looked at has counted. */
function rest({ subject, listeners }: Examination): { chosen: boolean; whose: string } {
  const chosen = subject.port !== undefined || subject.pid !== undefined;
  const unknown =
    listeners?.some(({ protocol, drops }) => protocol !== 'unix' && drops === undefined) ?? true;
  if (unknown) return { chosen, whose: 'which listener is not known' };
  return { chosen, whose: chosen ? 'other listeners' : 'listeners that are gone' };
}
