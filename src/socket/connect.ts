import * as net from 'node:net';
import { packAddress, packUnix, type Address, type InternetAddress, type PackedAddress } from '../address';
import * as c from '../constants';
import { invalidArgValue, isSystemError, timedOut, naming } from '../errors';
import { native } from '../native/load';
import * as check from '../validate';
import { deadlineAfter, keepWaiting, sliceUntil, timeIsUp, type Deadline } from './blocking';
import { makeConnection, type Connection } from './connection';
import { packedPeerName } from './names';
import { resolve } from './resolve';

export interface ConnectOptions {
  /** The port of the server; required unless there is a `path`. */
  port?: number;
  /** A numeric address, or a name whose addresses are tried one after another. */
  host?: string;
  /** A Unix-domain socket instead: a path, or an abstract name with a leading '\0'. */
  path?: string;
  /** SOCK_SEQPACKET instead of SOCK_STREAM, for a path. */
  seqpacket?: boolean;
  /** The numeric address to connect from. */
  localAddress?: string;
  /** The port to connect from; without it the kernel picks one. */
  localPort?: number;
  /** How long it may take in all, in milliseconds. Without it the kernel gives up, after about two minutes. */
  timeoutMs?: number;
}

const OPTION_NAMES = ['port', 'host', 'path', 'seqpacket', 'localAddress', 'localPort', 'timeoutMs'];
/** How long one connect(2) of AF_UNIX may sleep in the kernel, as nothing else can wait for room in that queue. */
const UNIX_SLICE_MS = 100;

/**
 * Connects: socket(2), bind(2) if asked, connect(2). Blocks this thread until the connection is there: for TCP in
 * poll(2), with a waker; for AF_UNIX in connect(2) itself, while the server's queue is full, 100 ms at a time.
 * Options set unasked: SO_SNDTIMEO while it waits for AF_UNIX; IP_BIND_ADDRESS_NO_PORT with a `localAddress` alone.
 *
 * @returns a Connection, which owns the descriptor. If this throws, nothing is left open.
 * @throws SystemCallError ECONNREFUSED, ETIMEDOUT (time is up, or nobody answered), EADDRNOTAVAIL, ENETUNREACH, ENOENT,
 *   with the address (of several, the last one tried); ENOTFOUND and its like; ERR_INTERRUPTED
 */
export function connect(options: ConnectOptions): Connection {
  const given = check.object(options, 'options', 'an object, as in connect({ port: 9999 })');
  check.noOthers(given, OPTION_NAMES, 'options');
  const timeoutMs = check.timeoutMs(options);
  const deadline = deadlineAfter(timeoutMs);
  if (options.path !== undefined) return connectToPath(options, deadline);
  if (options.seqpacket !== undefined) {
    throw invalidArgValue('options.seqpacket', 'cannot go with options.port', options.seqpacket);
  }
  const port = check.port(options.port, 'options.port');
  const host = options.host === undefined ? 'localhost' : check.text(options.host, 'options.host');
  if (host === '') throw invalidArgValue('options.host', 'must not be empty', host);
  const from = localEnd(options);
  const [first, ...others] = addressesOf(host, port, from, timeoutMs);
  return tryEach(first, others, from, deadline);
}

/** Where to connect from; without an address from any, of whichever family. */
interface LocalEnd {
  address: string | undefined;
  port: number;
}

/** Where to connect from, or undefined for the kernel's choice. */
function localEnd(options: ConnectOptions): LocalEnd | undefined {
  const { localAddress, localPort } = options;
  if (localAddress === undefined && localPort === undefined) return undefined;
  const address = localAddress === undefined ? undefined : check.text(localAddress, 'options.localAddress');
  if (address !== undefined && (net.isIP(address) === 0 || address.includes('%'))) {
    throw invalidArgValue('options.localAddress', 'must be a numeric IPv4 or IPv6 address', address);
  }
  return { address, port: localPort === undefined ? 0 : check.port(localPort, 'options.localPort') };
}

/** The host's addresses that can be connected to from there: those of its family. */
function addressesOf(
  host: string,
  port: number,
  from: LocalEnd | undefined,
  timeoutMs: number | undefined,
): [InternetAddress, ...InternetAddress[]] {
  const all = resolve(host, port, false, timeoutMs);
  const local = from?.address;
  const family = local === undefined ? undefined : net.isIP(local) === 6 ? 'IPv6' : 'IPv4';
  const [first, ...others] = family === undefined ? all : all.filter((address) => address.family === family);
  if (first !== undefined) return [first, ...others];
  throw invalidArgValue('options.localAddress', `must be of a family that ${host} has`, local);
}

function tryEach(
  address: InternetAddress,
  others: InternetAddress[],
  from: LocalEnd | undefined,
  deadline: Deadline,
): Connection {
  try {
    return connectTo(address, from, deadline);
  } catch (error) {
    const [next, ...rest] = others;
    if (next === undefined || !isSystemError(error) || timeIsUp(deadline)) throw error;
    return tryEach(next, rest, from, deadline);
  }
}

/** Makes a socket, has `use` connect it, and closes it if that fails. */
function withSocket(domain: number, type: number, use: (fd: number) => PackedAddress): Connection {
  const fd = native.openSocket(domain, type | c.SOCK_CLOEXEC, 0);
  try {
    return makeConnection(fd, use(fd));
  } catch (error) {
    native.closeOwned(fd);
    throw error;
  }
}

function connectTo(address: InternetAddress, from: LocalEnd | undefined, deadline: Deadline): Connection {
  const packed = packAddress(address, 'address');
  const domain = address.family === 'IPv6' ? c.AF_INET6 : c.AF_INET;
  return withSocket(domain, c.SOCK_STREAM | c.SOCK_NONBLOCK, (fd) => {
    if (from !== undefined) bindLocalEnd(fd, address.family, from);
    naming(address, () => {
      begin(fd, packed);
      while (!native.connectedWithin(fd, sliceUntil(deadline))) {
        keepWaiting(deadline, 'connect', () => timedOut('connect'));
      }
    });
    return peerOf(fd, packed);
  });
}

/** Who answered: not what was asked for if that was 0.0.0.0 or ::. A peer that is gone again has no name any more. */
function peerOf(fd: number, asked: PackedAddress): PackedAddress {
  try {
    return packedPeerName(fd);
  } catch (error) {
    if (!isSystemError(error, 'ENOTCONN')) throw error;
    return asked;
  }
}

function begin(fd: number, packed: PackedAddress): void {
  try {
    native.connect(fd, packed);
  } catch (error) {
    if (!isSystemError(error, 'EINPROGRESS', 'EINTR')) throw error;
  }
}

function bindLocalEnd(fd: number, family: 'IPv4' | 'IPv6', from: LocalEnd): void {
  const any = family === 'IPv6' ? '::' : '0.0.0.0';
  const local: Address = { family, address: from.address ?? any, port: from.port };
  const packed = packAddress(local, 'options');
  // The port, if it is the kernel's to pick, is picked at connect(2), which knows the whole 4-tuple.
  if (from.port === 0) native.setsockopt(fd, c.IPPROTO_IP, c.IP_BIND_ADDRESS_NO_PORT, 1);
  naming(local, () => {
    native.bind(fd, packed);
  });
}

function connectToPath(options: ConnectOptions, deadline: Deadline): Connection {
  for (const name of ['port', 'host', 'localAddress', 'localPort'] as const) {
    if (options[name] === undefined) continue;
    throw invalidArgValue(`options.${name}`, 'cannot go with options.path', options[name]);
  }
  const path = check.string(options.path, 'options.path');
  if (path === '') throw invalidArgValue('options.path', 'must not be empty', path);
  const packed = packUnix(path, 'options.path');
  const seqpacket = options.seqpacket !== undefined && check.boolean(options.seqpacket, 'options.seqpacket');
  return withSocket(c.AF_UNIX, seqpacket ? c.SOCK_SEQPACKET : c.SOCK_STREAM, (fd) => {
    naming({ family: 'unix', path }, () => {
      connectBySlices(fd, packed, deadline);
    });
    native.setNonblocking(fd, true);
    return packed;
  });
}

/** A full AF_UNIX queue cannot be polled for room; a blocking connect(2) can wait, and SO_SNDTIMEO bounds it. */
function connectBySlices(fd: number, packed: PackedAddress, deadline: Deadline): void {
  for (;;) {
    setSendTimeout(fd, Math.max(1, Math.min(UNIX_SLICE_MS, sliceUntil(deadline))));
    try {
      native.connect(fd, packed);
      setSendTimeout(fd, 0);
      return;
    } catch (error) {
      if (!isSystemError(error, 'EAGAIN', 'EINTR')) throw error;
    }
    keepWaiting(deadline, 'connect', () => timedOut('connect'));
  }
}

function setSendTimeout(fd: number, ms: number): void {
  const time = new BigInt64Array([BigInt(Math.floor(ms / 1000)), BigInt((ms % 1000) * 1000)]);
  native.setsockopt(fd, c.SOL_SOCKET, c.SO_SNDTIMEO, new Uint8Array(time.buffer));
}
