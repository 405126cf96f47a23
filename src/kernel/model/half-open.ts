import type { Known } from './known-limits';
import { differencesOf } from './release';
import { halfOpenLife } from './timers';

/** How much each counter grows, by the names of `counters()`. Those that are not there stand still. */
export type CounterGrowth = Readonly<Record<string, number>>;

/** The SYN queue: connections whose SYN was answered and whose last ACK has not come. */
export interface HalfOpenExplanation {
  /** How many fit. */
  most: number;
  /** What sets that bound. */
  boundBy: 'backlog' | 'net.ipv4.tcp_max_syn_backlog' | 'net.ipv4.tcp_syncookies';
  /** What a SYN beyond meets: an answer with a cookie, for which nothing is stored, or nothing. */
  beyond: 'cookie' | 'drop';
  /** For each SYN beyond. */
  counters: CounterGrowth;
  /** How a client fares that comes then, and answers. */
  honestClient: 'connects' | 'silence';
  /** How long an entry stays whose client never answers, in milliseconds, nominally. */
  lifeMs: number;
  /**
   * Of more than `above`, those whose SYN-ACK had to be sent again live no longer than this, if few are new: the queue
   * is thinned. While more than half are new, all keep `lifeMs`; at half there is one retry less, and one less again
   * each time that their share halves (reqsk_timer_handler in net/ipv4/inet_connection_sock.c).
   */
  crowded: { above: number; lifeMs: number };
  /** For each SYN that comes while the accept queue is full, and the SYN queue is not. */
  whileQueueFull: { counters: CounterGrowth };
}

const COOKIE: CounterGrowth = { tcpReqQFullDoCookies: 1, syncookiesSent: 1 };
/** However full, a queue is not thinned below half of this. */
const LEAST_CROWD = 8;
/** A queue that is thinned still answers each SYN so often again. */
const CROWDED_RETRIES = 2;

type Bound = Pick<HalfOpenExplanation, 'most' | 'boundBy' | 'beyond' | 'counters' | 'honestClient'>;

/**
 * Predicts the SYN queue of a listener with this effective backlog: tcp_conn_request in net/ipv4/tcp_input.c. Peers
 * that the kernel has metrics of (tcp_metrics) are spared by net.ipv4.tcp_max_syn_backlog, and not modelled.
 */
export function explainHalfOpen(backlog: number, known: Known): HalfOpenExplanation {
  const { values } = known;
  return {
    ...boundOf(backlog, known),
    lifeMs: halfOpenLife(values.tcpSynackRetries, known),
    crowded: {
      above: Math.floor(Math.max(LEAST_CROWD, backlog) / 2),
      lifeMs: halfOpenLife(Math.min(values.tcpSynackRetries, CROWDED_RETRIES), known),
    },
    whileQueueFull: { counters: synAtFullQueue(known) },
  };
}

/** What a SYN moves that meets a full accept queue. The cookie is decided on first, and then not sent. */
export function synAtFullQueue({ values }: Known): CounterGrowth {
  const dropped = { listenOverflows: 1, listenDrops: 1 };
  return values.tcpSyncookies === 2 ? { ...dropped, tcpReqQFullDoCookies: 1 } : dropped;
}

function boundOf(backlog: number, { release, values }: Known): Bound {
  const { tcpSyncookies, tcpMaxSynBacklog } = values;
  const cookie = { beyond: 'cookie', counters: COOKIE, honestClient: 'connects' } as const;
  if (tcpSyncookies === 2) return { most: 0, boundBy: 'net.ipv4.tcp_syncookies', ...cookie };
  const byBacklog = backlog + (differencesOf(release).synQueueHoldsOneMore ? 1 : 0);
  if (tcpSyncookies !== 0) return { most: byBacklog, boundBy: 'backlog', ...cookie };
  // The last quarter is kept for peers that are known; the shift is C's, of a number that may be negative.
  const bySysctl = Math.max(0, tcpMaxSynBacklog - (tcpMaxSynBacklog >> 2) + 1);
  const drop = { beyond: 'drop', honestClient: 'silence' } as const;
  return byBacklog <= bySysctl
    ? { most: byBacklog, boundBy: 'backlog', counters: { listenDrops: 1, tcpReqQFullDrop: 1 }, ...drop }
    : { most: bySysctl, boundBy: 'net.ipv4.tcp_max_syn_backlog', counters: { listenDrops: 1 }, ...drop };
}
