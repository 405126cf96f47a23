import { getSystemErrorName } from 'node:util';
import * as sys from 'listenq/syscalls';
import type { NextClient } from './cell';

/** How long a blocking connect(2) may wait. An admitted client needs microseconds. */
const CONNECT_MS = 200;
/** The first retransmission of a SYN comes after 1 s. */
const WATCH_MS = 4000;
const POLL_MS = 2;
/** Offsets in struct tcp_info, and the number of the state. */
const STATE_AT = 0;
const RTO_AT = 8;
const TOTAL_RETRANSMITS_AT = 100;
const SYN_SENT = 2;

export interface RefusedAttempt {
  fd: number;
  admitted: false;
  sinceMs: number;
  /** How long connect(2) took to refuse. */
  tookMs: number;
  /** EINPROGRESS: TCP had no answer within the time. EAGAIN: the AF_UNIX queue is full. */
  code: string;
}

export type Attempt = { fd: number; admitted: true } | RefusedAttempt;

/** Closing resets at once, so that no client lingers in TIME_WAIT and keeps its port. */
const RESET_ON_CLOSE = Buffer.from(Int32Array.of(1, 0).buffer);
const CONNECT_TIMEOUT = Buffer.from(BigInt64Array.of(0n, BigInt(CONNECT_MS) * 1000n).buffer);

/**
 * One client, connected the way that shows soonest whether it is admitted: to TCP with a blocking connect(2) and
 * SO_SNDTIMEO, as the handshake is over within the call; to AF_UNIX with a non-blocking one, which is refused at once.
 */
export function tryConnect(address: sys.Address): Attempt {
  const unix = address.family === 'unix';
  const domain = unix ? sys.AF_UNIX : sys.AF_INET;
  const fd = sys.socket(domain, sys.SOCK_STREAM | sys.SOCK_CLOEXEC | (unix ? sys.SOCK_NONBLOCK : 0));
  if (!unix) {
    sys.setsockopt(fd, sys.SOL_SOCKET, sys.SO_LINGER, RESET_ON_CLOSE);
    sys.setsockopt(fd, sys.SOL_SOCKET, sys.SO_SNDTIMEO, CONNECT_TIMEOUT);
  }
  const sinceMs = performance.now();
  try {
    sys.connect(fd, address);
    return { fd, admitted: true };
  } catch (error) {
    const tookMs = performance.now() - sinceMs;
    if (!(error instanceof sys.SystemCallError)) throw error;
    return { fd, admitted: false, sinceMs, tookMs, code: error.code };
  }
}

/**
 * Watches a client that was not admitted at once, blocking this thread. Null if it is admitted after all, which
 * happens on a machine that was too busy to finish the handshake in time.
 */
export function watch(client: RefusedAttempt, toTheEnd: boolean): NextClient | null {
  const { fd, sinceMs, tookMs, code } = client;
  const elapsed = (): number => performance.now() - sinceMs;
  if (code !== 'EINPROGRESS') return { sees: 'error', code, afterMs: tookMs };
  for (;;) {
    if (sys.poll([{ fd, events: sys.POLLOUT }], POLL_MS).length > 0) return outcomeOf(fd, elapsed());
    const info = sys.getsockopt(fd, sys.IPPROTO_TCP, sys.TCP_INFO);
    const retransmitted = readUint32(info, TOTAL_RETRANSMITS_AT) > 0;
    if (retransmitted || !toTheEnd || elapsed() > WATCH_MS) {
      return {
        sees: 'silence',
        state: info[STATE_AT] === SYN_SENT ? 'SYN_SENT' : `state ${info[STATE_AT]}`,
        retransmittedAfterMs: retransmitted ? elapsed() : null,
        rtoMs: readUint32(info, RTO_AT) / 1000,
      };
    }
  }
}

/** How a connect in progress ended: SO_ERROR, connect(2). */
function outcomeOf(fd: number, afterMs: number): NextClient | null {
  const errno = sys.getsockoptInt(fd, sys.SOL_SOCKET, sys.SO_ERROR);
  if (errno === 0) return null;
  return { sees: 'error', code: getSystemErrorName(-errno), afterMs };
}

function readUint32(info: Buffer, at: number): number {
  return new DataView(info.buffer, info.byteOffset).getUint32(at, LITTLE);
}

const LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
