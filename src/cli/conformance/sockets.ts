import * as sys from 'listenq/syscalls';
import { eventually } from './outcome';
import type { Scope } from './scope';

/** IPv4 unless said; ports and addresses as in the catalogue's setups. */
export const LOOPBACK = '127.0.0.1';

export interface TcpOptions {
  address?: string;
  port?: number;
  backlog?: number;
  /** Runs between socket(2) and bind(2), for options. */
  before?: (fd: number) => void;
}

export interface ClientOptions {
  /** Runs between socket(2) and connect(2). */
  before?: (fd: number) => void;
}

/** The three ends of one TCP connection. */
export interface Trio {
  listener: number;
  client: number;
  server: number;
}

export function on(...options: number[]): (fd: number) => void {
  return (fd) => {
    for (const option of options) sys.setsockopt(fd, sys.SOL_SOCKET, option, 1);
  };
}

export function at(address: string, port = 0): sys.InternetAddress {
  return address.includes(':') ? { family: 'IPv6', address, port } : { family: 'IPv4', address, port };
}

export function tcp(s: Scope, address: string = LOOPBACK): number {
  return s.socket(address.includes(':') ? sys.AF_INET6 : sys.AF_INET, sys.SOCK_STREAM);
}

/** A TCP socket bound to a port, the kernel's choice unless said. */
export function bound(s: Scope, { address = LOOPBACK, port = 0, before }: TcpOptions = {}): number {
  const fd = tcp(s, address);
  before?.(fd);
  sys.bind(fd, at(address, port));
  return fd;
}

export function listener(s: Scope, options: TcpOptions = {}): number {
  const fd = bound(s, options);
  sys.listen(fd, options.backlog ?? 16);
  return fd;
}

/** As `listener`, but bound to a port by its number, which the kernel treats otherwise at shutdown(2). */
export function listenerAtFixedPort(s: Scope, options: TcpOptions = {}): number {
  const probe = bound(s);
  const port = portOf(probe);
  s.close(probe);
  return listener(s, { ...options, port });
}

export function nameOf(fd: number): sys.InternetAddress {
  return sys.getsockname(fd) as sys.InternetAddress;
}

export function portOf(fd: number): number {
  return nameOf(fd).port;
}

/** A client that has begun to connect and does not wait: O_NONBLOCK. */
export function knocking(s: Scope, to: sys.Address, { before }: ClientOptions = {}): number {
  const domain = { IPv4: sys.AF_INET, IPv6: sys.AF_INET6, unix: sys.AF_UNIX }[to.family];
  const fd = s.socket(domain, sys.SOCK_STREAM | sys.SOCK_NONBLOCK);
  before?.(fd);
  try {
    sys.connect(fd, to);
  } catch (error) {
    if (!(error instanceof sys.SystemCallError && error.code === 'EINPROGRESS')) throw error;
  }
  return fd;
}

/** A client that is connected, and blocking again. A refusal is thrown as connect(2) would. */
export function connected(s: Scope, to: sys.Address, options: ClientOptions = {}): number {
  const fd = knocking(s, to, options);
  if (to.family !== 'unix') {
    sys.poll([{ fd, events: sys.POLLOUT }], 2000);
    // Says how it went, and ends the connecting: until then the socket would take this call once more.
    sys.connect(fd, to);
  }
  sys.setNonblocking(fd, false);
  return fd;
}

/** Accepts a connection that waits, or will in a moment; never blocks for good. */
export function accepted(s: Scope, fd: number, flags = sys.SOCK_CLOEXEC): number {
  sys.poll([{ fd, events: sys.POLLIN }], 2000);
  return s.own(acceptNow(fd, flags).fd);
}

/** accept4(2) that does not block on a blocking listener either: EAGAIN. */
export function acceptNow(fd: number, flags = sys.SOCK_CLOEXEC): { fd: number; address: sys.Address } {
  const before = sys.getNonblocking(fd);
  sys.setNonblocking(fd, true);
  try {
    return sys.accept(fd, flags);
  } finally {
    sys.setNonblocking(fd, before);
  }
}

/** 'ok' after accepting one, which belongs to the scope. */
export function acceptOne(s: Scope, fd: number): string {
  accepted(s, fd);
  return 'ok';
}

/** A connection over TCP, accepted. */
export function trio(s: Scope, options: TcpOptions = {}): Trio {
  const fd = listener(s, options);
  const client = connected(s, nameOf(fd));
  return { listener: fd, client, server: accepted(s, fd) };
}

/** Begins `count` connections, one after another, each once the kernel has dealt with the one before. */
export function knockInTurn(s: Scope, fd: number, count: number): number[] {
  const to = nameOf(fd);
  return Array.from({ length: count }, () => {
    const before = dealtWith(fd);
    const client = knocking(s, to);
    eventually(() => dealtWith(fd) > before);
    return client;
  });
}

/** Connections that wait, and SYNs that were dropped: each SYN ends as one or the other. */
function dealtWith(fd: number): number {
  return queueOf(fd).waiting + dropsOf(fd);
}

/** The states of sockets, as TCP_INFO has them. */
export function stateOf(fd: number): string {
  return STATES[sys.getsockopt(fd, sys.IPPROTO_TCP, sys.TCP_INFO)[0] ?? 0] ?? 'unknown';
}

export function countOf(fds: readonly number[], state: string): number {
  return fds.filter((fd) => stateOf(fd) === state).length;
}

/** How many connections wait in a TCP listener, and its effective backlog: tcpi_unacked and tcpi_sacked. */
export function queueOf(fd: number): { waiting: number; limit: number } {
  const [, , , , , , waiting, limit] = words(sys.getsockopt(fd, sys.IPPROTO_TCP, sys.TCP_INFO));
  return { waiting: waiting ?? -1, limit: limit ?? -1 };
}

/** The queue as the catalogue writes it: '3/7'. */
export function queueText(fd: number): string {
  const { waiting, limit } = queueOf(fd);
  return `${waiting}/${limit}`;
}

/** The socket's own count of drops: word 8 of SO_MEMINFO. */
export function dropsOf(fd: number): number {
  return words(sys.getsockopt(fd, sys.SOL_SOCKET, sys.SO_MEMINFO))[8] ?? 0;
}

/** Bytes as the kernel's 32-bit words. */
export function words(bytes: Buffer): number[] {
  return [...new Uint32Array(Uint8Array.from(bytes).buffer, 0, Math.floor(bytes.length / 4))];
}

/** recv(2) that never blocks: the bytes as text, '' at end of stream, or the code. */
export function received(fd: number, size = 100): string {
  const buffer = Buffer.alloc(size);
  try {
    return buffer.toString('latin1', 0, sys.recv(fd, buffer, sys.MSG_DONTWAIT));
  } catch (error) {
    if (error instanceof sys.SystemCallError) return error.code;
    throw error;
  }
}

/** As `received`, once there is something to receive. */
export function receivedSoon(fd: number, size = 100): string {
  sys.poll([{ fd, events: sys.POLLIN }], 2000);
  return received(fd, size);
}

export function sendText(fd: number, text: string, flags = 0): number {
  return sys.send(fd, Buffer.from(text), flags | sys.MSG_NOSIGNAL);
}

/** getsockopt(SO_ERROR), by its number. */
export function pendingError(fd: number): number {
  return sys.getsockoptInt(fd, sys.SOL_SOCKET, sys.SO_ERROR);
}

/** struct timeval. */
export function timeval(ms: number): Buffer {
  return Buffer.from(new BigInt64Array([BigInt(Math.floor(ms / 1000)), BigInt((ms % 1000) * 1000)]).buffer);
}

const STATES = [
  'none',
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
];
