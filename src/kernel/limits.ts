import { SOMAXCONN } from '../constants';
import { native } from '../native/load';

/** The limits on listening sockets. Each is what its file says now, or undefined if it is not there to be read. */
export interface Limits {
  /** The compile-time constant of the C headers; the kernel does not know it. */
  SOMAXCONN: number;
  /** net.core.somaxconn: the cap on every backlog, read by the kernel at listen(2). */
  somaxconn: number | undefined;
  /** net.ipv4.tcp_max_syn_backlog: bounds half-open connections, and only while tcp_syncookies is 0. */
  tcpMaxSynBacklog: number | undefined;
  /** net.ipv4.tcp_abort_on_overflow: 1 resets a client whose last ACK of the handshake meets a full accept queue. */
  tcpAbortOnOverflow: number | undefined;
  /** net.ipv4.tcp_syncookies: 0 never, 1 when the SYN queue is full, 2 always. */
  tcpSyncookies: number | undefined;
  /** net.ipv4.tcp_synack_retries: how often the SYN-ACK of a half-open connection is sent again. */
  tcpSynackRetries: number | undefined;
  /** net.ipv4.tcp_syn_retries: how often a client here repeats its SYN. */
  tcpSynRetries: number | undefined;
  /** net.ipv4.tcp_syn_linear_timeouts: how many of these come at even intervals, besides. Since Linux 6.5. */
  tcpSynLinearTimeouts: number | undefined;
  /** net.ipv4.tcp_rto_max_ms: the longest interval between two, in milliseconds. Since Linux 6.15. */
  tcpRtoMaxMs: number | undefined;
  /** net.ipv4.tcp_fastopen: bits; 2 lets listeners use Fast Open. */
  tcpFastopen: number | undefined;
  /** net.ipv4.tcp_migrate_req: 1 moves the queue of a closed reusePort listener to another one. */
  tcpMigrateReq: number | undefined;
}

/** The sysctl behind each limit. */
export const SYSCTLS = {
  somaxconn: 'net.core.somaxconn',
  tcpMaxSynBacklog: 'net.ipv4.tcp_max_syn_backlog',
  tcpAbortOnOverflow: 'net.ipv4.tcp_abort_on_overflow',
  tcpSyncookies: 'net.ipv4.tcp_syncookies',
  tcpSynackRetries: 'net.ipv4.tcp_synack_retries',
  tcpSynRetries: 'net.ipv4.tcp_syn_retries',
  tcpSynLinearTimeouts: 'net.ipv4.tcp_syn_linear_timeouts',
  tcpRtoMaxMs: 'net.ipv4.tcp_rto_max_ms',
  tcpFastopen: 'net.ipv4.tcp_fastopen',
  tcpMigrateReq: 'net.ipv4.tcp_migrate_req',
} as const satisfies Record<Exclude<keyof Limits, 'SOMAXCONN'>, string>;

/**
 * Reads the limits of the network namespace that the calling thread is in, at the call, from /proc/sys/net. Does not
 * block. tcp(7), and Documentation/networking/ip-sysctl.rst of the kernel.
 */
export function limits(): Limits {
  const read = Object.entries(SYSCTLS).map(([key, name]) => [
    key,
    native.readSysctl(name.replaceAll('.', '/')),
  ]);
  return { SOMAXCONN, ...(Object.fromEntries(read) as Omit<Limits, 'SOMAXCONN'>) };
}
