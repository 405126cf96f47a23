import * as os from 'node:os';
import { invalidArgValue, makeSystemCallError } from './errors';
import { AF_INET, AF_INET6, AF_UNIX } from './constants';
import { native } from './native/load';
import { integer, object, oneOf, port, string } from './validate';

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

const MAX_UINT32 = 2 ** 32 - 1;

/** The longest name in bytes: a path without its final NUL, an abstract name without its leading one. */
const MAX_UNIX_NAME = 107;

/** An address as the kernel takes it. */
export type PackedAddress = Uint8Array;

/** Checks an address and packs it for bind(2) or connect(2). */
export function packAddress(value: unknown, name: string): PackedAddress {
  const given = object(value, name);
  const family = oneOf(given['family'], `${name}.family`, ['IPv4', 'IPv6', 'unix']);
  if (family === 'unix') return packUnix(given['path'], `${name}.path`);
  const text = string(given['address'], `${name}.address`);
  const number = port(given['port'], `${name}.port`);
  const scopeId = given['scopeId'] === undefined ? 0 : integer(given['scopeId'], `${name}.scopeId`, 0, MAX_UINT32);
  const packed = native.packInternet(family === 'IPv4' ? AF_INET : AF_INET6, text, number, scopeId);
  if (packed === undefined) throw invalidArgValue(`${name}.address`, `must be a numeric ${family} address`, text);
  return packed;
}

/** Packs a path or an abstract name. A path may not hold a NUL: the kernel would stop reading there. */
export function packUnix(value: unknown, name: string): PackedAddress {
  const path = string(value, name);
  if (path.indexOf('\0', 1) > 0 && !path.startsWith('\0')) {
    throw invalidArgValue(name, 'must not hold a NUL, unless as the first character of an abstract name', path);
  }
  const packed = native.packUnix(Buffer.from(path, 'utf8'));
  if (packed === undefined) {
    const length = Buffer.byteLength(path);
    throw invalidArgValue(name, `must be at most ${MAX_UNIX_NAME} bytes (sockaddr_un), and is ${length}`, path);
  }
  return packed;
}

/** An address as people write it. */
export function unpackAddress(packed: PackedAddress): Address {
  const [family, text, number, scopeId] = native.unpack(packed);
  if (family === AF_UNIX) return { family: 'unix', path: text };
  if (family === AF_INET) return { family: 'IPv4', address: text, port: number };
  if (family === AF_INET6) {
    const address: IPv6Address = { family: 'IPv6', address: text, port: number };
    return scopeId === 0 ? address : { ...address, scopeId };
  }
  throw makeSystemCallError(-os.constants.errno.EAFNOSUPPORT, 'getsockname');
}
