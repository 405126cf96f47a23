import { counted } from '../words';
import type { Examination } from './examination';
import type { Draft } from './finding';
import { raiseBacklog } from './remedies';

/** What the namespace's counters know beyond the listeners that are there; what moved, that is: the totals stay for ever. */
export function checkNamespace(examination: Examination): Draft[] {
  const { moved, limits, listeners = [] } = examination;
  const drafts: Draft[] = [];
  const dropsNow = moved?.listenDrops ?? 0;
  if (dropsNow > 0 && !listeners.some(({ droppedNow }) => (droppedNow ?? 0) > 0)) {
    const { chosen, whose } = rest(examination);
    const title = `${counted(dropsNow, 'drop')} in this network namespace at this moment, of ${whose}`;
    const severity = chosen ? 'advice' : 'problem';
    drafts.push({ id: 'drops-now-elsewhere', severity, title, details: [], remedies: [] });
  }
  const synDrops = moved?.tcpReqQFullDrop ?? 0;
  if (synDrops > 0) {
    const title = `${counted(synDrops, 'SYN')} dropped at this moment because a SYN queue is full and syncookies are off`;
    const sysctls = { 'net.ipv4.tcp_syncookies': 1 };
    drafts.push({
      id: 'syn-queue-drops-now',
      severity: 'problem',
      title,
      details: [],
      remedies: [],
      sysctls,
    });
  }
  const cookies = moved?.tcpReqQFullDoCookies ?? 0;
  if (cookies > 0 && limits.tcpSyncookies !== 2) {
    const title = `${counted(cookies, 'SYN')} answered with a cookie at this moment: a SYN queue is full`;
    const crowded = listeners.filter(
      ({ synLength, limit }) => limit !== undefined && (synLength ?? 0) >= limit,
    );
    const change = crowded.length === 0 ? { remedies: [] } : raiseBacklog(crowded, limits.somaxconn);
    drafts.push({ id: 'cookies-now', severity: 'advice', title, details: [], ...change });
  }
  return drafts;
}

/** Whose the drops may be that none of the listeners looked at has counted. */
function rest({ subject, listeners }: Examination): { chosen: boolean; whose: string } {
  const chosen = subject.port !== undefined || subject.pid !== undefined;
  const unknown =
    listeners?.some(({ protocol, drops }) => protocol !== 'unix' && drops === undefined) ?? true;
  if (unknown) return { chosen, whose: 'which listener is not known' };
  return { chosen, whose: chosen ? 'other listeners' : 'listeners that are gone' };
}
