import { inspect } from 'node:util';
import * as c from '../constants';
import { asking, invalidArgValue } from '../errors';
import { native } from '../native/load';
import * as check from '../validate';

/** The options of `listen` that are socket options. Each is off, or the kernel's default, unless it is given. */
export interface ListenerSocketOptions {
  /** SO_REUSEADDR: bind although connections of an earlier listener are in TIME_WAIT. True for TCP unless said. */
  reuseAddress?: boolean;
  /** SO_REUSEPORT: further listeners of this user may bind the same port; each has a queue of its own. */
  reusePort?: boolean;
  /** IPV6_V6ONLY: an IPv6 listener takes no IPv4 connections. False unless said, whatever net.ipv6.bindv6only says. */
  ipv6Only?: boolean;
  /** TCP_DEFER_ACCEPT: a connection enters the queue with its first data; seconds, rounded up by the kernel to a
   * SYN-ACK's retransmission. */
  deferAcceptSeconds?: number;
  /** TCP_FASTOPEN: how many connections may wait whose handshake carried data and is not done yet. */
  fastOpenQueue?: number;
  /** SO_BINDTODEVICE: only connections that come in by this interface. */
  bindToDevice?: string;
  /** IP_FREEBIND: bind an address that no interface has yet. */
  freebind?: boolean;
  /** IP_TRANSPARENT: bind foreign addresses, as a transparent proxy does. Needs CAP_NET_ADMIN. */
  transparent?: boolean;
  /** SO_RCVBUF in bytes, which the kernel doubles. Set before listen, so that connections scale their window to it. */
  receiveBuffer?: number;
  /** SO_SNDBUF in bytes, which the kernel doubles. */
  sendBuffer?: number;
  /** SO_MARK, for routing and firewall rules. Needs CAP_NET_ADMIN or CAP_NET_RAW. */
  mark?: number;
  /** SO_INCOMING_CPU: among reusePort listeners, prefer this one for packets that this CPU handles. */
  incomingCpu?: number;
  /** TCP_USER_TIMEOUT in milliseconds, which accepted connections inherit. */
  userTimeoutMs?: number;
}

type OptionName = keyof ListenerSocketOptions;

interface SocketOption {
  name: OptionName;
  /** Checks the value and gives what setsockopt(2) gets, or undefined for "leave it". */
  value: (value: unknown, label: string) => number | Uint8Array | undefined;
  /** Level and name for an IPv4 socket, and for an IPv6 one where they differ. */
  option: () => [level: number, name: number];
  ipv6Option?: () => [level: number, name: number];
  /** Meaningless for AF_UNIX. */
  internetOnly?: true;
}

const flag = (value: unknown, label: string): number | undefined =>
  check.boolean(value, label) ? 1 : undefined;
const flagEitherWay = (value: unknown, label: string): number => (check.boolean(value, label) ? 1 : 0);
const count = (value: unknown, label: string): number => check.integer(value, label, 0);

/** The largest interface name, without its final NUL (IFNAMSIZ is 16). */
const MAX_DEVICE_NAME = 15;

function device(value: unknown, label: string): Uint8Array {
  const name = Buffer.from(check.text(value, label));
  if (name.length === 0 || name.length > MAX_DEVICE_NAME) {
    throw invalidArgValue(label, `must be an interface's name of 1 to ${MAX_DEVICE_NAME} bytes`, value);
  }
  return name;
}

const BEFORE_BIND: readonly SocketOption[] = [
  { name: 'reuseAddress', value: flagEitherWay, option: () => [c.SOL_SOCKET, c.SO_REUSEADDR] },
  { name: 'reusePort', value: flag, option: () => [c.SOL_SOCKET, c.SO_REUSEPORT], internetOnly: true },
  {
    name: 'ipv6Only',
    value: flagEitherWay,
    option: () => [c.IPPROTO_IPV6, c.IPV6_V6ONLY],
    internetOnly: true,
  },
  {
    name: 'bindToDevice',
    value: device,
    option: () => [c.SOL_SOCKET, c.SO_BINDTODEVICE],
    internetOnly: true,
  },
  {
    name: 'freebind',
    value: flag,
    option: () => [c.IPPROTO_IP, c.IP_FREEBIND],
    ipv6Option: () => [c.IPPROTO_IPV6, c.IPV6_FREEBIND],
    internetOnly: true,
  },
  {
    name: 'transparent',
    value: flag,
    option: () => [c.IPPROTO_IP, c.IP_TRANSPARENT],
    ipv6Option: () => [c.IPPROTO_IPV6, c.IPV6_TRANSPARENT],
    internetOnly: true,
  },
  {
    name: 'mark',
    value: (value, label) => check.integer(value, label, 0, 2 ** 32 - 1) | 0,
    option: () => [c.SOL_SOCKET, c.SO_MARK],
  },
  { name: 'receiveBuffer', value: count, option: () => [c.SOL_SOCKET, c.SO_RCVBUF] },
  { name: 'sendBuffer', value: count, option: () => [c.SOL_SOCKET, c.SO_SNDBUF] },
  { name: 'incomingCpu', value: count, option: () => [c.SOL_SOCKET, c.SO_INCOMING_CPU], internetOnly: true },
];

const BEFORE_LISTEN: readonly SocketOption[] = [
  {
    name: 'deferAcceptSeconds',
    value: count,
    option: () => [c.IPPROTO_TCP, c.TCP_DEFER_ACCEPT],
    internetOnly: true,
  },
  { name: 'fastOpenQueue', value: count, option: () => [c.IPPROTO_TCP, c.TCP_FASTOPEN], internetOnly: true },
  {
    name: 'userTimeoutMs',
    value: count,
    option: () => [c.IPPROTO_TCP, c.TCP_USER_TIMEOUT],
    internetOnly: true,
  },
];

export const SOCKET_OPTION_NAMES = [...BEFORE_BIND, ...BEFORE_LISTEN].map(({ name }) => name);

/** One setsockopt(2), ready to be made. */
export interface OptionCall {
  level: number;
  name: number;
  value: number | Uint8Array;
  /** The option as it was asked for. */
  asked: string;
}
export type OptionFamily = 'IPv4' | 'IPv6' | 'unix';

export interface OptionPlan {
  /** For a socket of this family, before bind(2). */
  beforeBind: (family: OptionFamily) => OptionCall[];
  beforeListen: (family: OptionFamily) => OptionCall[];
}

/** Checks the socket options of `listen` and says which calls they come to. Makes none. */
export function planOptions(options: Record<string, unknown>, unix: boolean): OptionPlan {
  const plan = (table: readonly SocketOption[]): ((family: OptionFamily) => OptionCall[]) => {
    const wanted = table.flatMap((entry) => {
      const given = options[entry.name];
      if (given === undefined) return [];
      const label = `options.${entry.name}`;
      if (unix && entry.internetOnly === true) {
        throw invalidArgValue(label, 'means nothing for a Unix-domain socket', given);
      }
      const value = entry.value(given, label);
      return value === undefined ? [] : [{ entry, value, asked: `${entry.name} ${inspect(given)}` }];
    });
    return (family) =>
      wanted
        .filter(({ entry }) => family === 'IPv6' || entry.name !== 'ipv6Only')
        .map(({ entry, value, asked }) => {
          const [level, name] = optionFor(entry, family);
          return { level, name, value, asked };
        });
  };
  return { beforeBind: plan(BEFORE_BIND), beforeListen: plan(BEFORE_LISTEN) };
}

function optionFor(entry: SocketOption, family: OptionFamily): [number, number] {
  return family === 'IPv6' && entry.ipv6Option !== undefined ? entry.ipv6Option() : entry.option();
}

export function applyOptions(fd: number, calls: readonly OptionCall[]): void {
  for (const { level, name, value, asked } of calls) {
    asking(asked, () => {
      native.setsockopt(fd, level, name, value);
    });
  }
}

/** A level or an option by its number, or by its C name. */
export function optionNumber(value: unknown, label: string): number {
  if (typeof value !== 'string') return check.int32(value, label);
  const number = Object.hasOwn(native.constants, value) ? native.constants[value] : undefined;
  if (number === undefined)
    throw invalidArgValue(label, 'must be a number or the C name of a constant', value);
  return number;
}

export type OptionValue = number | boolean | NodeJS.ArrayBufferView;

/** getsockopt(2): a C int, or with `size` as many bytes as the kernel wrote. */
export function readOption(
  fd: number,
  level: number,
  name: number,
  size: number | undefined,
): number | Buffer {
  if (size === undefined) return native.getsockoptInt(fd, level, name);
  const value = Buffer.alloc(check.integer(size, 'size', 0));
  return value.subarray(0, native.getsockopt(fd, level, name, value));
}
