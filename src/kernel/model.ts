import * as check from '../validate';
import {
  explainHalfOpen,
  synAtFullQueue,
  type CounterGrowth,
  type HalfOpenExplanation,
} from './model/half-open';
import { knownLimits, type Known, type ModelLimits, type ModelValues } from './model/known-limits';
import { differencesOf } from './model/release';
import { synTimes } from './model/timers';

/** What a kernel makes of a backlog. */
export interface BacklogExplanation {
  /** The backlog that was asked for. */
  asked: number;
  /** The kernel that this is said of. */
  kernelRelease: string;
  /** The limits that it is said by. */
  limits: ModelValues;
  /** What was not known and taken for granted, a clause each. */
  assumed: string[];
  tcp: TcpExplanation;
  unix: UnixExplanation;
}

/** The queue of a TCP listener. */
export interface TcpExplanation {
  /** The effective backlog, as `queue().limit` and the Send-Q of ss(8) show it. */
  backlog: number;
  /** What made it less than was asked. */
  cappedBy: 'net.core.somaxconn' | undefined;
  /** How many connections can wait, if they come one after another: from several CPUs at once, one more can get in. */
  waiting: number;
  /** The client that comes when so many wait. */
  next: NextClient;
  /**
   * A client whose SYN was answered when there was room, and whose last ACK of the handshake finds none. One that was
   * answered with a cookie is never reset; where only some are, this is said of the others.
   */
  lastAck: {
    /** 'silence': it believes that it is connected, and gets in if there is room when it sends again. */
    sees: 'silence' | 'reset';
    /** For each such ACK. */
    counters: CounterGrowth;
  };
  halfOpen: HalfOpenExplanation;
}

/** What becomes of a client that finds the accept queue full. */
export interface NextClient {
  /**
   * 'silence': its SYN is dropped, and it tries again, as `retriesMs` says. Before Linux 4.10 its connect() succeeds
   * first: then nobody accepts it ('ghost'), or it is reset.
   */
  sees: 'silence' | 'ghost' | 'reset';
  /** When it sends its SYN again, in milliseconds after the first, nominally: the kernel's timers come later, by up to an eighth. */
  retriesMs: number[];
  /** When its connect() fails with ETIMEDOUT, likewise; undefined where its connect() has succeeded. */
  givesUpMs: number | undefined;
  /** For each SYN (of a ghost: each ACK). */
  counters: CounterGrowth;
}

/** The queue of an AF_UNIX listener, stream or seqpacket. */
export interface UnixExplanation {
  backlog: number;
  cappedBy: 'net.core.somaxconn' | undefined;
  waiting: number;
  /** The client that comes when so many wait: what its connect(2) does, on a blocking and on a non-blocking socket. */
  next: { blocking: 'waits'; nonBlocking: 'EAGAIN' };
}

/**
 * Predicts what a kernel makes of `listen(n)`: how many clients wait, what the next one sees, how many handshakes may be
 * under way. Reads the limits of the calling thread's network namespace where none are given; opens no socket, and does
 * not block.
 *
 * It holds for Linux from 4.4 on. Run against the kernel, by `listenq model`, was 6.18; what differs in others is from
 * their source: `src/kernel/model/release.ts`. Not modelled: TCP_DEFER_ACCEPT, Fast Open, peers with saved metrics, the
 * per-socket options TCP_SYNCNT and TCP_USER_TIMEOUT of a client, BPF programs; and 5.10.28, 5.11.12 and a few after
 * them, whose queues held one less until commit c609e6aae4ef was taken back.
 *
 * @param n the backlog, any int32: a negative one is more than any somaxconn
 * @param limits by the names of `limits()`, and `kernelRelease`; see `ModelLimits` for what is left out
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE, ERR_INVALID_ARG_VALUE: what no kernel takes as that limit, and a
 *   release before 4.4
 */
export function explainBacklog(n: number, limits?: ModelLimits): BacklogExplanation {
  const asked = check.int32(n, 'n');
  const known = knownLimits(limits, 'limits');
  const { somaxconn } = known.values;
  const unsigned = asked >>> 0;
  const backlog = Math.min(unsigned, somaxconn);
  const cappedBy = unsigned > somaxconn ? 'net.core.somaxconn' : undefined;
  return {
    asked,
    kernelRelease: known.release.text,
    limits: known.values,
    assumed: known.assumed,
    tcp: { cappedBy, ...explainTcp(backlog, known) },
    unix: { backlog, cappedBy, waiting: backlog + 1, next: { blocking: 'waits', nonBlocking: 'EAGAIN' } },
  };
}

function explainTcp(backlog: number, known: Known): Omit<TcpExplanation, 'cappedBy'> {
  const halfOpen = explainHalfOpen(backlog, known);
  // Every client passes through the SYN queue: where that has no room at all, nobody gets in.
  const shut = halfOpen.most === 0 && halfOpen.beyond === 'drop';
  const silence = { sees: 'silence', ...synTimes(known.values) } as const;
  const lastAck = lastAckAtFullQueue(known);
  return {
    backlog,
    waiting: shut ? 0 : backlog + 1,
    next: shut ? { ...silence, counters: halfOpen.counters } : nextClient(silence, lastAck, known),
    lastAck,
    halfOpen,
  };
}

function nextClient(
  silence: Omit<NextClient, 'counters'>,
  lastAck: TcpExplanation['lastAck'],
  known: Known,
): NextClient {
  if (differencesOf(known.release).dropsSyn) return { ...silence, counters: synAtFullQueue(known) };
  const sees = lastAck.sees === 'reset' ? 'reset' : 'ghost';
  return { sees, retriesMs: [], givesUpMs: undefined, counters: lastAck.counters };
}

/**
 * tcp_v4_syn_recv_sock in net/ipv4/tcp_ipv4.c, tcp_check_req in net/ipv4/tcp_minisocks.c, tcp_get_cookie_sock in
 * net/ipv4/syncookies.c.
 */
function lastAckAtFullQueue({ values }: Known): TcpExplanation['lastAck'] {
  const dropped = { listenOverflows: 1, listenDrops: 1 };
  // Of a client with a cookie nothing is stored that could be reset.
  if (values.tcpSyncookies === 2) return { sees: 'silence', counters: { ...dropped, syncookiesRecv: 1 } };
  return values.tcpAbortOnOverflow === 0
    ? { sees: 'silence', counters: dropped }
    : { sees: 'reset', counters: { ...dropped, embryonicRsts: 1 } };
}
