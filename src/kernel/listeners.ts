import type { Address } from '../address';
import { isSystemError } from '../errors';
import * as check from '../validate';
import { diagnosedInternetListeners, diagnosedUnixListeners } from './diagnosed';
import { procInternetListeners, procUnixListeners } from './proc-net';
import { attachProcesses, type SocketProcess } from './processes';

/** One listening socket of the network namespace. */
export interface ListeningSocket {
  protocol: 'tcp' | 'mptcp' | 'unix';
  type: 'stream' | 'seqpacket';
  /** Where it listens. The path of a Unix-domain socket is as it was given to bind(2), read as UTF-8; '' if it never was
   * bound. */
  address: Address;
  /** The interface that it is bound to (SO_BINDTODEVICE); of one that is gone its number, as 'if7'. */
  interface: string | undefined;
  /** IPV6_V6ONLY, of an IPv6 listener. */
  ipv6Only: boolean | undefined;
  /** Connections that wait to be accepted. */
  length: number | undefined;
  /** The effective backlog: one more than this can wait. */
  limit: number | undefined;
  /** SYNs that this listener has dropped since it was made, as in `Queue`. AF_UNIX counts none. */
  drops: number | undefined;
  /** Half-open connections, if they were asked for. Those that share a port by SO_REUSEPORT have one number together. */
  synLength: number | undefined;
  inode: number;
  /** The user that made it. */
  uid: number | undefined;
  /** The kernel's own name of the socket (SO_COOKIE), hexadecimal. */
  cookie: string | undefined;
  /** In bytes, but for `drops`: what "ss -m" shows as skmem. */
  memory: SocketMemory | undefined;
  /** Who holds it, as far as /proc lets the caller see; empty, and `why` says so, if no process that it shows does. */
  processes: SocketProcess[] | undefined;
  /** Of each field that might have had a value and is undefined or empty: why. */
  why: Partial<Record<UnknownField, string>>;
}

type UnknownField =
  | 'length'
  | 'limit'
  | 'drops'
  | 'synLength'
  | 'uid'
  | 'cookie'
  | 'memory'
  | 'processes'
  | 'interface'
  | 'ipv6Only';

/** SO_MEMINFO (linux/sock_diag.h): of a listener the limits count, which its connections inherit. */
export interface SocketMemory {
  receiveAllocated: number;
  receiveBuffer: number;
  sendAllocated: number;
  sendBuffer: number;
  forwardAllocated: number;
  sendQueued: number;
  options: number;
  backlog: number;
  drops: number;
}

export interface ListenersOptions {
  /** Only those at this port; Unix-domain sockets have none. */
  port?: number;
  /** Whether to count the half-open connections of each. False unless said: the kernel walks all its connections. */
  synLength?: boolean;
  /** Whether to look in /proc for the processes. True unless said; it takes as long as there are descriptors. */
  processes?: boolean;
}

/**
 * Lists every listening socket of the network namespace that the calling thread is in, of TCP, MPTCP and AF_UNIX:
 * NETLINK_SOCK_DIAG, sock_diag(7), as "ss -l" does. Where the diagnostics are refused or missing, /proc/net is read
 * instead, and each field that it lacks is undefined, with the reason in `why`.
 *
 * Does not block, but takes time: some microseconds for each listener. Of many it is no
 * snapshot: while others come and go, even one that stays may be missed.
 *
 * @throws SystemCallError of the diagnostics if /proc cannot be read either
 */
export function listeners(options: ListenersOptions = {}): ListeningSocket[] {
  const given = check.object(options, 'options');
  check.noOthers(given, ['port', 'synLength', 'processes'], 'options');
  const port = options.port === undefined ? 0 : check.integer(options.port, 'options.port', 1, 65535);
  const synLength = options.synLength !== undefined && check.boolean(options.synLength, 'options.synLength');
  const processes = options.processes === undefined || check.boolean(options.processes, 'options.processes');
  const found = diagnosedOr(
    () => diagnosedInternetListeners(port, synLength),
    (why) => procInternetListeners(port, why),
  );
  if (port === 0) found.push(...diagnosedOr(diagnosedUnixListeners, procUnixListeners));
  if (processes) attachProcesses(found);
  return found;
}

/** What the diagnostics say; else what /proc says, with the reason why no more can be said. */
function diagnosedOr(
  diagnosed: () => ListeningSocket[],
  fallback: (why: string) => ListeningSocket[],
): ListeningSocket[] {
  try {
    return diagnosed();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const reason = `the socket diagnostics say ${error.code}, and /proc/net does not tell`;
    try {
      return fallback(reason);
    } catch {
      throw error;
    }
  }
}
