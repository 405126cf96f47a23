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
  /** net.ipv4.tcp_fastopen: bits; 2 lets listeners use Fast Open. */
  tcpFastopen: number | undefined;
  /** net.ipv4.tcp_migrate_req: 1 moves the queue of a closed reusePort listener to another one. */
  tcpMigrateReq: number | undefined;
}

/**
 * Reads the limits of the network namespace that the calling thread is in, at the call, from /proc/sys/net. Does not
 * block. tcp(7), and Documentation/networking/ip-sysctl.rst of the kernel.
 */
export function limits(): Limits {
  return {
    SOMAXCONN,
    somaxconn: native.readSysctl('net/core/somaxconn'),
    tcpMaxSynBacklog: native.readSysctl('net/ipv4/tcp_max_syn_backlog'),
    tcpAbortOnOverflow: native.readSysctl('net/ipv4/tcp_abort_on_overflow'),
    tcpSyncookies: native.readSysctl('net/ipv4/tcp_syncookies'),
    tcpSynackRetries: native.readSysctl('net/ipv4/tcp_synack_retries'),
    tcpSynRetries: native.readSysctl('net/ipv4/tcp_syn_retries'),
    tcpFastopen: native.readSysctl('net/ipv4/tcp_fastopen'),
    tcpMigrateReq: native.readSysctl('net/ipv4/tcp_migrate_req'),
  };
}
