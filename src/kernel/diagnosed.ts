import type { InternetAddress } from '../address';
import * as c from '../constants';
import { native } from '../native/load';
import type { ListeningSocket, SocketMemory } from './listeners';

/** Where each number of a listener stands in its row, which native/binding/diagnostics.cc writes. */
const enum At {
  Protocol,
  FamilyOrType,
  Port,
  Interface,
  V6Only,
  Length,
  Limit,
  Inode,
  Uid,
  CookieHigh,
  CookieLow,
  SynLength,
  HasMemory,
  Memory,
}
const ROW = At.Memory + 9;
const UNKNOWN = 2 ** 32 - 1;

/** @internal */
export const NO_DROPS = 'the kernel counts no drops of Unix-domain sockets';
const NOT_TOLD = 'the kernel did not tell';

/** @internal The TCP and MPTCP listeners, from NETLINK_SOCK_DIAG. `port` 0 is all. */
export function diagnosedInternetListeners(port: number, synLength: boolean): ListeningSocket[] {
  const [words, names] = native.inetListeners(port, synLength);
  return names.map((name, i) => internetListener(words, i * ROW, name, synLength));
}

/** @internal How many half-open connections each of them has, by inode; undefined where the kernel did not tell. */
export function diagnosedSynLengths(): Map<number, number | undefined> {
  const [words] = native.inetListeners(0, true);
  const lengths = new Map<number, number | undefined>();
  for (let row = 0; row < words.length; row += ROW)
    lengths.set(words[row + At.Inode] as number, knownOr(words[row + At.SynLength] as number));
  return lengths;
}

/** @internal The AF_UNIX listeners. */
export function diagnosedUnixListeners(): ListeningSocket[] {
  const [words, names] = native.unixListeners();
  return names.map((name, i) => unixListener(words, i * ROW, name));
}

function internetListener(
  words: Uint32Array,
  row: number,
  address: string,
  synLength: boolean,
): ListeningSocket {
  const at = (place: At): number => words[row + place] as number;
  const memory = memoryAt(words, row);
  const v6only = at(At.V6Only);
  const device = at(At.Interface);
  const halfOpen = knownOr(at(At.SynLength));
  return {
    protocol: at(At.Protocol) === c.IPPROTO_MPTCP ? 'mptcp' : 'tcp',
    type: 'stream',
    address: addressOf(at(At.FamilyOrType), address, at(At.Port), device),
    interface: device === 0 ? undefined : (native.interfaceName(device) ?? `if${device}`),
    ipv6Only: v6only === UNKNOWN ? undefined : v6only !== 0,
    length: at(At.Length),
    limit: at(At.Limit),
    drops: memory?.drops,
    synLength: halfOpen,
    inode: at(At.Inode),
    uid: at(At.Uid),
    cookie: cookieAt(words, row),
    memory,
    processes: undefined,
    why: {
      ...(memory === undefined && { drops: NOT_TOLD, memory: NOT_TOLD }),
      ...(synLength && halfOpen === undefined && { synLength: NOT_TOLD }),
    },
  };
}

function unixListener(words: Uint32Array, row: number, path: string): ListeningSocket {
  const at = (place: At): number => words[row + place] as number;
  const uid = knownOr(at(At.Uid));
  const memory = memoryAt(words, row);
  return {
    protocol: 'unix',
    type: at(At.FamilyOrType) === c.SOCK_SEQPACKET ? 'seqpacket' : 'stream',
    address: { family: 'unix', path },
    interface: undefined,
    ipv6Only: undefined,
    length: at(At.Length),
    limit: at(At.Limit),
    drops: undefined,
    synLength: undefined,
    inode: at(At.Inode),
    uid,
    cookie: cookieAt(words, row),
    memory,
    processes: undefined,
    why: {
      drops: NO_DROPS,
      ...(uid === undefined && { uid: 'the kernel tells it from Linux 5.3 on' }),
      ...(memory === undefined && { memory: NOT_TOLD }),
    },
  };
}

/** A link-local address is one only with its interface, which a socket at it is bound to. */
function addressOf(family: number, address: string, port: number, device: number): InternetAddress {
  if (family !== c.AF_INET6) return { family: 'IPv4', address, port };
  const linkLocal = /^fe[89ab]/.test(address) && device !== 0;
  return { family: 'IPv6', address, port, ...(linkLocal && { scopeId: device }) };
}

function knownOr(value: number): number | undefined {
  return value === UNKNOWN ? undefined : value;
}

/** Hexadecimal without leading zeros, as ss prints it. */
function cookieAt(words: Uint32Array, row: number): string {
  const high = words[row + At.CookieHigh] as number;
  const low = (words[row + At.CookieLow] as number).toString(16);
  return high === 0 ? low : high.toString(16) + low.padStart(8, '0');
}

function memoryAt(words: Uint32Array, row: number): SocketMemory | undefined {
  if (words[row + At.HasMemory] === 0) return undefined;
  const at = (index: number): number => words[row + At.Memory + index] as number;
  return {
    receiveAllocated: at(0),
    receiveBuffer: at(1),
    sendAllocated: at(2),
    sendBuffer: at(3),
    forwardAllocated: at(4),
    sendQueued: at(5),
    options: at(6),
    backlog: at(7),
    drops: at(8),
  };
}
