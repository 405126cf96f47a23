import * as os from 'node:os';
import { invalidArgValue, makeSystemCallError } from './errors';
import { AF_INET, AF_INET6, AF_UNIX } from './constants';
import { native } from './native/load';
import { integer, object, oneOf, port, string, text } from './validate';

export interface IPv4Address {
  family: 'IPv4';
  /** Dotted decimal. */
  address: string;
  port: number;
}

export interface IPv6Address {
  family: 'IPv6';
  address: string;
  port: number;
  /** The interface's number, for link-local addresses. */
  scopeId?: number;
}

export interface UnixAddress {
  family: 'unix';
  /** A path, an abstract name with its leading '\0', or '' for a socket without a name. */
  path: string;
}

export type InternetAddress = IPv4Address | IPv6Address;
export type Address = InternetAddress | UnixAddress;

const littleEndian = os.endianness() === 'LE';
const MAX_UINT32 = 2 ** 32 - 1;

/** The longest name in bytes: a path without its final NUL, an abstract name without its leading one. */
const MAX_UNIX_NAME = 107;

/** sizeof(struct sockaddr_in): family and port of two bytes each, four of the address, eight of padding. */
const SOCKADDR_IN_BYTES = 16;

/** An address as the kernel takes it. */
export type PackedAddress = Uint8Array;

/** Checks an address and packs it for bind(2) or connect(2). */
export function packAddress(value: unknown, name: string): PackedAddress {
  const given = object(value, name);
  const family = oneOf(given['family'], `${name}.family`, ['IPv4', 'IPv6', 'unix']);
  if (family === 'unix') return packUnix(given['path'], `${name}.path`);
  const address = text(given['address'], `${name}.address`);
  const number = port(given['port'], `${name}.port`);
  const scopeId =
    given['scopeId'] === undefined ? 0 : integer(given['scopeId'], `${name}.scopeId`, 0, MAX_UINT32);
  const packed = native.packInternet(family === 'IPv4' ? AF_INET : AF_INET6, address, number, scopeId);
  if (packed === undefined)
    throw invalidArgValue(`${name}.address`, `must be a numeric ${family} address`, address);
  return packed;
}

/** Packs a path or an abstract name. A path may not hold a NUL: the kernel would stop reading there. */
export function packUnix(value: unknown, name: string): PackedAddress {
  const path = string(value, name);
  if (path.indexOf('\0', 1) > 0 && !path.startsWith('\0')) {
    throw invalidArgValue(
      name,
      'must not hold a NUL, unless as the first character of an abstract name',
      path,
    );
  }
  const bytes = Buffer.from(path, 'utf8');
  if (bytes.toString('utf8') !== path)
    throw invalidArgValue(name, 'must not hold half a surrogate pair', path);
  const packed = native.packUnix(bytes);
  if (packed === undefined) {
    const length = bytes.byteLength;
    throw invalidArgValue(
      name,
      `must be at most ${MAX_UNIX_NAME} bytes (sockaddr_un), and is ${length}`,
      path,
    );
  }
  return packed;
}

/** An address as people write it. */
export function unpackAddress(packed: PackedAddress): Address {
  return addressAt(packed, 0, packed.byteLength);
}

/** The same, of an address that stands at `start` in a larger buffer. */
export function addressAt(bytes: Uint8Array, start: number, length: number): Address {
  // The common case is read here: the way into the addon costs more than the reading.
  if (length === SOCKADDR_IN_BYTES && familyAt(bytes, start) === AF_INET) return ipv4At(bytes, start);
  const [family, name, number, scopeId] = native.unpack(bytes.subarray(start, start + length));
  if (family === AF_UNIX) return { family: 'unix', path: name };
  if (family === AF_INET6) {
    const address: IPv6Address = { family: 'IPv6', address: name, port: number };
    return scopeId === 0 ? address : { ...address, scopeId };
  }
  throw makeSystemCallError(-os.constants.errno.EAFNOSUPPORT, 'getsockname');
}

/** Whether it is an address of IPv4 or IPv6. */
export function isInternet(packed: PackedAddress): boolean {
  return packed.byteLength >= SOCKADDR_IN_BYTES && familyAt(packed, 0) !== AF_UNIX;
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}

function familyAt(bytes: Uint8Array, start: number): number {
  const [first, second] = [byteAt(bytes, start), byteAt(bytes, start + 1)];
  return littleEndian ? first + (second << 8) : (first << 8) + second;
}

function ipv4At(bytes: Uint8Array, start: number): IPv4Address {
  const part = (i: number): number => byteAt(bytes, start + 4 + i);
  return {
    family: 'IPv4',
    address: `${part(0)}.${part(1)}.${part(2)}.${part(3)}`,
    port: (byteAt(bytes, start + 2) << 8) + byteAt(bytes, start + 3),
  };
}
