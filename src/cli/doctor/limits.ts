import { explainBacklog } from 'listenq/kernel';
import type { Examination } from './examination';
import { counted, type Finding } from './finding';
import { listenerLine } from './queues';
import { capCounts, raiseBacklog, roomyBacklog, setSysctl } from './remedies';

/** What Linux has been born with since 5.4. */
const USUAL_SOMAXCONN = 4096;
const SMALL_SYN_BACKLOG = 1024;

/** Who asks for these when nobody chose. */
const DEFAULTS: Readonly<Record<number, string>> = {
  511: 'what Node, nginx and Redis ask for by default',
  128: 'what CPython and many older programs ask for by default',
  5: "what Python's socketserver and many tutorials ask for",
  0: 'so that one client can wait; what Node makes of a backlog of a wrong type, too',
};

/** The sysctls. They are advice: what comes of them shows in the queues. */
export function checkLimits({ limits, listeners = [] }: Examination): Finding[] {
  const findings: Finding[] = [];
  const add = (id: string, title: string, details: string[], remedies: Finding['remedies']): void => {
    findings.push({ id, severity: 'advice', title, details, remedies });
  };
  const { somaxconn, tcpSyncookies, tcpMaxSynBacklog, tcpAbortOnOverflow } = limits;
  if (somaxconn !== undefined && somaxconn < USUAL_SOMAXCONN) {
    const capped = listeners.filter(({ limit }) => limit === somaxconn);
    const title = `net.core.somaxconn is ${somaxconn}, usual is ${USUAL_SOMAXCONN}: ${counted(capped.length, 'listener')} may have asked for more`;
    const remedies = [capCounts(), ...setSysctl('net.core.somaxconn', USUAL_SOMAXCONN)];
    add('somaxconn-low', title, capped.map(listenerLine), remedies);
  }
  if (tcpSyncookies === 0 && tcpMaxSynBacklog !== undefined && tcpMaxSynBacklog < SMALL_SYN_BACKLOG) {
    const { most } = explainBacklog(-1, limits).tcp.halfOpen;
    const title = `syncookies are off and net.ipv4.tcp_max_syn_backlog is ${tcpMaxSynBacklog}: ${counted(most, 'half-open client')} keep everybody else out`;
    const remedies = [
      ...setSysctl('net.ipv4.tcp_syncookies', 1),
      ...setSysctl('net.ipv4.tcp_max_syn_backlog', 2048),
    ];
    add('syn-backlog-low', title, [], remedies);
  }
  if (tcpAbortOnOverflow !== undefined && tcpAbortOnOverflow !== 0) {
    const title = `net.ipv4.tcp_abort_on_overflow is ${tcpAbortOnOverflow}: clients that believe in their connection are reset when a queue is full for a moment`;
    add('abort-on-overflow', title, [], setSysctl('net.ipv4.tcp_abort_on_overflow', 0));
  }
  return findings;
}

/** Limits that nobody chose, most likely. */
export function checkDefaults({ limits, listeners = [] }: Examination): Finding[] {
  return Object.entries(DEFAULTS).flatMap(([value, who]) => {
    const limit = Number(value);
    const sockets = listeners.filter((socket) => socket.protocol !== 'unix' && socket.limit === limit);
    // Of those at the cap nobody can tell what they asked for.
    if (sockets.length === 0 || limit === limits.somaxconn) return [];
    const title = `${counted(sockets.length, 'listener')} with a backlog of ${limit}, ${who}`;
    const remedies = raiseBacklog(roomyBacklog(sockets), limits.somaxconn);
    return [
      { id: 'default-backlog', severity: 'advice', title, details: sockets.map(listenerLine), remedies },
    ];
  });
}
