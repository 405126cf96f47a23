import * as os from 'node:os';
import * as c from '../constants';
import { makeSystemCallError } from '../errors';
import { native } from '../native/load';

/** The states of a TCP socket, by the kernel's number (include/net/tcp_states.h). */
const STATES = [
  '',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
  'NEW_SYN_RECV',
] as const;

/** The leading fields of struct tcp_info, which every kernel since 2.6 has; 8-bit fields first, then 32-bit ones. */
const BYTE_FIELDS = { state: 0, caState: 1, retransmits: 2, probes: 3, backoff: 4, options: 5 } as const;
const WORD_FIELDS = {
  rtoUs: 8,
  atoUs: 12,
  sendMss: 16,
  receiveMss: 20,
  unacked: 24,
  sacked: 28,
  lost: 32,
  retransmitted: 36,
  forwardAcks: 40,
  lastDataSentMs: 44,
  lastDataReceivedMs: 52,
  lastAckReceivedMs: 56,
  pathMtu: 60,
  receiveSsthresh: 64,
  rttUs: 68,
  rttVarianceUs: 72,
  sendSsthresh: 76,
  sendCwnd: 80,
  advertisedMss: 84,
  reordering: 88,
  receiveRttUs: 92,
  receiveSpace: 96,
  totalRetransmits: 100,
} as const;
const BYTES = 104;

/**
 * What the kernel knows of a TCP connection: getsockopt(TCP_INFO), tcp(7). Times in the unit that the name says,
 * windows in segments.
 */
export type TcpInfo = { state: (typeof STATES)[number] } & Record<
  Exclude<keyof typeof BYTE_FIELDS, 'state'> | keyof typeof WORD_FIELDS,
  number
>;

/** @throws SystemCallError EOPNOTSUPP for a socket that is not TCP */
export function readTcpInfo(fd: number): TcpInfo {
  const raw = Buffer.alloc(BYTES);
  if (native.getsockopt(fd, c.IPPROTO_TCP, c.TCP_INFO, raw) < BYTES)
    throw makeSystemCallError(-os.constants.errno.ENOPROTOOPT, 'getsockopt');
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const little = os.endianness() === 'LE';
  const info: Record<string, number | string> = {};
  for (const [name, at] of Object.entries(BYTE_FIELDS)) info[name] = view.getUint8(at);
  for (const [name, at] of Object.entries(WORD_FIELDS)) info[name] = view.getUint32(at, little);
  return { ...info, state: STATES[view.getUint8(BYTE_FIELDS.state)] ?? '' } as TcpInfo;
}
