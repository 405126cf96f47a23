import { explainBacklog } from 'listenq/kernel';
import { counted } from '../words';
import type { Examination } from './examination';
import type { Draft } from './finding';
import { listenerLine } from './listener-line';
import { capCounts } from './remedies';

/** What Linux has been born with since 5.4. */
const USUAL_SOMAXCONN = 4096;
const SMALL_SYN_BACKLOG = 1024;

/** The sysctls. They are advice: what comes of them shows in the queues. */
export function checkLimits({ limits, listeners = [] }: Examination): Draft[] {
  const drafts: Draft[] = [];
  const add = (id: string, title: string, sysctls: Draft['sysctls'], more: Partial<Draft> = {}): void => {
    drafts.push({
      id,
      severity: 'advice',
      title,
      details: [],
      remedies: [],
      ...more,
      sysctls: sysctls ?? {},
    });
  };
  const { somaxconn, tcpSyncookies, tcpMaxSynBacklog, tcpAbortOnOverflow } = limits;
  const capped = listeners.filter(({ limit, stands }) => limit === somaxconn && !stands);
  if (somaxconn !== undefined && somaxconn < USUAL_SOMAXCONN && capped.length > 0) {
    const title = `net.core.somaxconn is ${somaxconn}, usual is ${USUAL_SOMAXCONN}: ${counted(capped.length, 'listener')} may have asked for more`;
    const more = { details: capped.map(listenerLine), remedies: [capCounts()] };
    add('somaxconn-low', title, { 'net.core.somaxconn': USUAL_SOMAXCONN }, more);
  }
  if (tcpSyncookies === 0 && tcpMaxSynBacklog !== undefined && tcpMaxSynBacklog < SMALL_SYN_BACKLOG) {
    const { most } = explainBacklog(-1, limits).tcp.halfOpen;
    const title = `syncookies are off and net.ipv4.tcp_max_syn_backlog is ${tcpMaxSynBacklog}: ${counted(most, 'half-open client')} keep everybody else out`;
    add('syn-backlog-low', title, {
      'net.ipv4.tcp_syncookies': 1,
      'net.ipv4.tcp_max_syn_backlog': 2 * SMALL_SYN_BACKLOG,
    });
  }
  if (tcpAbortOnOverflow !== undefined && tcpAbortOnOverflow !== 0) {
    const title = `net.ipv4.tcp_abort_on_overflow is ${tcpAbortOnOverflow}: clients that believe in their connection are reset when a queue is full for a moment`;
    add('abort-on-overflow', title, { 'net.ipv4.tcp_abort_on_overflow': 0 });
  }
  return drafts;
}
