import * as os from 'node:os';
import * as c from '../constants';
import { isSystemError } from '../errors';
import { native } from '../native/load';

/** An option that a connection has from its listener. */
export interface InheritedOption {
  /** The C name of its level, as 'SOL_SOCKET'. */
  level: string;
  /** The C name of the option, as 'SO_KEEPALIVE'. */
  name: string;
  /** What the connection reads: a number; a name; of SO_LINGER seconds, or 'off'; of time limits milliseconds. */
  value: number | string;
  /** What a new socket of its kind reads. */
  default: number | string;
}

type Read = (fd: number, level: number, name: number) => number | string;

const little = os.endianness() === 'LE';
const isInt = (fd: number, level: number, name: number): number => native.getsockoptInt(fd, level, name);

function bytesOf(fd: number, level: number, name: number): Buffer {
  const value = Buffer.alloc(16);
  return value.subarray(0, native.getsockopt(fd, level, name, value));
}

/** Up to the first NUL. */
function asText(fd: number, level: number, name: number): string {
  const value = bytesOf(fd, level, name).toString('utf8');
  return value.includes('\0') ? value.slice(0, value.indexOf('\0')) : value;
}

/** struct linger: whether it is on, and seconds. */
function asLinger(fd: number, level: number, name: number): number | string {
  const value = bytesOf(fd, level, name);
  const word = (at: number): number => (little ? value.readInt32LE(at) : value.readInt32BE(at));
  return word(0) === 0 ? 'off' : word(4);
}

/** struct timeval of two 64-bit words (32-bit ones on machines whose long is one). */
function asMilliseconds(fd: number, level: number, name: number): number {
  const value = bytesOf(fd, level, name);
  const half = value.byteLength / 2;
  const word = (at: number): number => {
    if (half === 4) return little ? value.readInt32LE(at) : value.readInt32BE(at);
    return Number(little ? value.readBigInt64LE(at) : value.readBigInt64BE(at));
  };
  return word(0) * 1000 + word(half) / 1000;
}

/** The size of a buffer changes by itself, unless it was set: then a bit of SO_BUF_LOCK is inherited with it. */
function ifLocked(bit: number): Read {
  return (fd, level, name) => {
    const locked = (isInt(fd, c.SOL_SOCKET, c.SO_BUF_LOCK) & bit) !== 0;
    return locked ? isInt(fd, level, name) : 'not set';
  };
}
const SEND_LOCK = 1;
const RECEIVE_LOCK = 2;

/**
 * What is read. Left out are options that the kernel gives no connection (SO_PRIORITY, TCP_DEFER_ACCEPT, TCP_FASTOPEN),
 * and those whose value it changes by itself: TCP_MAXSEG, TCP_WINDOW_CLAMP, TCP_QUICKACK, SO_INCOMING_CPU.
 */
const OPTIONS: readonly (readonly [level: string, names: readonly string[], read: Read])[] = [
  [
    'SOL_SOCKET',
    [
      ...['SO_KEEPALIVE', 'SO_OOBINLINE', 'SO_REUSEADDR', 'SO_REUSEPORT', 'SO_RCVLOWAT', 'SO_MARK'],
      ...['SO_BUSY_POLL', 'SO_PREFER_BUSY_POLL', 'SO_TIMESTAMP', 'SO_ZEROCOPY', 'SO_DONTROUTE'],
      ...['SO_TXREHASH', 'SO_RXQ_OVFL', 'SO_DEBUG', 'SO_PASSCRED'],
    ],
    isInt,
  ],
  ['SOL_SOCKET', ['SO_SNDBUF'], ifLocked(SEND_LOCK)],
  ['SOL_SOCKET', ['SO_RCVBUF'], ifLocked(RECEIVE_LOCK)],
  ['SOL_SOCKET', ['SO_LINGER'], asLinger],
  ['SOL_SOCKET', ['SO_RCVTIMEO', 'SO_SNDTIMEO'], asMilliseconds],
  ['SOL_SOCKET', ['SO_BINDTODEVICE'], asText],
  [
    'IPPROTO_TCP',
    [
      ...['TCP_NODELAY', 'TCP_CORK', 'TCP_KEEPIDLE', 'TCP_KEEPINTVL', 'TCP_KEEPCNT', 'TCP_SYNCNT'],
      ...['TCP_LINGER2', 'TCP_USER_TIMEOUT', 'TCP_NOTSENT_LOWAT', 'TCP_SAVE_SYN', 'TCP_INQ'],
      ...['TCP_THIN_LINEAR_TIMEOUTS', 'TCP_FASTOPEN_NO_COOKIE', 'TCP_RTO_MAX_MS'],
    ],
    isInt,
  ],
  ['IPPROTO_TCP', ['TCP_CONGESTION'], asText],
  [
    'IPPROTO_IP',
    [
      ...['IP_TOS', 'IP_TTL', 'IP_FREEBIND', 'IP_TRANSPARENT', 'IP_BIND_ADDRESS_NO_PORT'],
      ...['IP_MTU_DISCOVER', 'IP_RECVTOS', 'IP_MINTTL'],
    ],
    isInt,
  ],
  [
    'IPPROTO_IPV6',
    ['IPV6_V6ONLY', 'IPV6_TCLASS', 'IPV6_UNICAST_HOPS', 'IPV6_FREEBIND', 'IPV6_TRANSPARENT'],
    isInt,
  ],
];

/**
 * Reads which options of a connection differ from those of a new socket: getsockopt(2) of both. Some differ by the
 * kernel's own doing: SO_BINDTODEVICE of a link-local peer, SO_RCVLOWAT and TCP_NOTSENT_LOWAT of a plain TCP client of an
 * MPTCP listener. Before Linux 5.14, which has SO_BUF_LOCK, sizes of buffers are left out.
 */
export function readInherited(fd: number): InheritedOption[] {
  const kind = (name: number): number => isInt(fd, c.SOL_SOCKET, name);
  const fresh = native.openSocket(
    kind(c.SO_DOMAIN),
    kind(c.SO_TYPE) | c.SOCK_CLOEXEC | c.SOCK_NONBLOCK,
    kind(c.SO_PROTOCOL),
  );
  try {
    return OPTIONS.flatMap(([level, names, read]) =>
      names.flatMap((name) => difference(level, name, read, fd, fresh)),
    );
  } finally {
    native.closeOwned(fresh);
  }
}

/** One option, if it differs. What this kernel or this family of sockets does not have is passed over. */
function difference(level: string, name: string, read: Read, fd: number, fresh: number): InheritedOption[] {
  const [levelNumber, number] = [native.constants[level], native.constants[name]];
  if (levelNumber === undefined || number === undefined) return [];
  try {
    const value = read(fd, levelNumber, number);
    const usual = read(fresh, levelNumber, number);
    return value === usual ? [] : [{ level, name, value, default: usual }];
  } catch (error) {
    if (isSystemError(error, 'ENOPROTOOPT', 'EOPNOTSUPP', 'EINVAL', 'ENOTCONN')) return [];
    throw error;
  }
}
