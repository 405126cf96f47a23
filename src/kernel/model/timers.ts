import type { Known, ModelValues } from './known-limits';
import { differencesOf } from './release';

/** TCP_TIMEOUT_INIT of the kernel: the first timeout of a SYN, and of a SYN-ACK. */
const FIRST_TIMEOUT_MS = 1000;
/** TCP_RTO_MAX. */
const LONGEST_TIMEOUT_MS = 120_000;

/**
 * When a client sends its SYN again, and when it gives up, in milliseconds after the first SYN: tcp_retransmit_timer and
 * tcp_write_timeout in net/ipv4/tcp_timer.c. The kernel's timers come up to an eighth late.
 */
export function synTimes(values: ModelValues): { retriesMs: number[]; givesUpMs: number } {
  const { tcpSynRetries, tcpSynLinearTimeouts, tcpRtoMaxMs } = values;
  const longest = longestTry(values);
  const retriesMs = [];
  let timeout = FIRST_TIMEOUT_MS;
  let moment = timeout;
  while (retriesMs.length < tcpSynLinearTimeouts + tcpSynRetries) {
    if (retriesMs.length > 0 && moment >= longest) break;
    retriesMs.push(moment);
    if (retriesMs.length > tcpSynLinearTimeouts) timeout = Math.min(timeout * 2, tcpRtoMaxMs);
    moment += timeout;
  }
  return { retriesMs, givesUpMs: moment };
}

/**
 * How long a client tries at most: as long as it would have without even intervals, so that many of those leave no time
 * for the others. tcp_model_timeout.
 */
function longestTry({ tcpSynRetries, tcpRtoMaxMs }: ModelValues): number {
  const doublings = Math.min(tcpSynRetries, Math.floor(Math.log2(tcpRtoMaxMs / FIRST_TIMEOUT_MS)));
  return (2 ** (doublings + 1) - 1) * FIRST_TIMEOUT_MS + (tcpSynRetries - doublings) * tcpRtoMaxMs;
}

/**
 * How long a half-open connection lives whose SYN-ACK is sent again `retries` times, in milliseconds, nominally:
 * reqsk_timer_handler in net/ipv4/inet_connection_sock.c.
 */
export function halfOpenLife(retries: number, { release, values }: Known): number {
  const longest = differencesOf(release).rtoMaxOfHalfOpen ? values.tcpRtoMaxMs : LONGEST_TIMEOUT_MS;
  let life = 0;
  let timeout = FIRST_TIMEOUT_MS;
  for (let sent = 0; sent <= retries; sent++) {
    life += timeout;
    timeout = Math.min(timeout * 2, longest);
  }
  return life;
}
