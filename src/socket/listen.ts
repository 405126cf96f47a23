import { resolve as resolvePath } from 'node:path';
import { packAddress, packUnix, type Address, type InternetAddress } from '../address';
import * as c from '../constants';
import { asking, invalidArgValue, isSystemError, naming } from '../errors';
import { limits } from '../kernel/limits';
import { limitOf } from '../kernel/queue';
import { native } from '../native/load';
import * as check from '../validate';
import { makeListener, type Listener } from './listener';
import { localName } from './names';
import {
  applyOptions,
  planOptions,
  SOCKET_OPTION_NAMES,
  type ListenerSocketOptions,
  type OptionPlan,
} from './options';
import { resolve } from './resolve';
import { atBoundPath } from './unix-path';

export interface ListenOptions extends ListenerSocketOptions {
  /** 0, the default, lets the kernel pick one: `address()` tells which. */
  port?: number;
  /** A numeric address, or a name that getaddrinfo(3) resolves, of whose addresses the first is taken. Without it all
   * addresses: `::` with IPv4 too where IPv6 exists, else `0.0.0.0`. */
  host?: string;
  /** A Unix-domain socket instead: a path of at most 107 bytes, or an abstract name with a leading '\0'. */
  path?: string;
  /** Adopts a descriptor that is bound, or listens already. It becomes the listener's, unless this throws. */
  fd?: number;
  /** Any int32, handed to listen(2) as it is. Without it, what net.core.somaxconn says now (SOMAXCONN where it cannot
   * be read); a descriptor that listens already keeps its backlog. */
  backlog?: number;
  /** Whether a backlog that net.core.somaxconn caps is worth a process warning, once for a listener
   * (LISTENQ_BACKLOG_CAPPED). True unless said. */
  warnIfCapped?: boolean;
  /** IPPROTO_MPTCP: clients that speak Multipath TCP may use several paths; others get plain TCP. */
  mptcp?: boolean;
  /** SOCK_SEQPACKET instead of SOCK_STREAM: Unix-domain sockets with message boundaries. */
  seqpacket?: boolean;
  /** The permission bits of the socket file, whatever the umask: 0o660. */
  mode?: number;
}

interface Checked {
  backlog: number | undefined;
  warnsIfCapped: boolean;
  plan: OptionPlan;
  options: ListenOptions;
}

export const OPTION_NAMES = [
  ...['port', 'host', 'path', 'fd', 'backlog', 'warnIfCapped', 'mptcp', 'seqpacket', 'mode'],
  ...SOCKET_OPTION_NAMES,
];

/** The kinds of place to listen at: what names each, and what cannot be said with it. */
const PLACES = {
  fd: ['port', 'host', 'path', 'mptcp', 'seqpacket', 'mode', 'reuseAddress', 'reusePort', 'ipv6Only'],
  path: ['port', 'host', 'mptcp'],
  port: ['seqpacket', 'mode'],
} as const;

/**
 * Listens: socket(2), setsockopt(2) as `options` say, bind(2) and listen(2), at once and in that order, so that the
 * first error is thrown here. Options set unasked: SO_REUSEADDR for TCP, IPV6_V6ONLY (to 0) for IPv6; flags:
 * SOCK_CLOEXEC and SOCK_NONBLOCK. Blocks only to resolve a host name.
 *
 * @returns a Listener, which owns the descriptor. If this throws, nothing is left open.
 * @throws SystemCallError of the call that the kernel refused, with the address; TypeError and RangeError before any
 *   call; ENOTFOUND and its like from getaddrinfo
 */
export function listen(options: ListenOptions = {}): Listener {
  const given = check.object(options, 'options', 'an object, as in listen({ port: 9999 })');
  check.noOthers(given, OPTION_NAMES, 'options');
  const place = given['fd'] !== undefined ? 'fd' : given['path'] !== undefined ? 'path' : 'port';
  for (const name of PLACES[place]) {
    if (given[name] !== undefined)
      throw invalidArgValue(`options.${name}`, `cannot go with options.${place}`, given[name]);
  }
  const checked: Checked = {
    backlog: options.backlog === undefined ? undefined : check.int32(options.backlog, 'options.backlog'),
    warnsIfCapped:
      options.warnIfCapped === undefined || check.boolean(options.warnIfCapped, 'options.warnIfCapped'),
    plan: planOptions(given, place === 'path'),
    options,
  };
  if (place === 'fd') return adopt(check.integer(options.fd, 'options.fd', 0), checked);
  return place === 'path' ? listenAtPath(checked) : listenAtPort(checked);
}

/** Hands the backlog to listen(2): as asked, or as much as the kernel lets wait. */
function listenWith(fd: number, backlog: number | undefined): number {
  const wanted = backlog ?? limits().somaxconn ?? c.SOMAXCONN;
  native.listen(fd, wanted);
  return wanted;
}

/** Makes a socket, has `use` make a Listener of it, and closes it if that fails. */
function withSocket(domain: number, type: number, protocol: number, use: (fd: number) => Listener): Listener {
  const fd = native.openSocket(domain, type | c.SOCK_CLOEXEC | c.SOCK_NONBLOCK, protocol);
  try {
    return use(fd);
  } catch (error) {
    native.closeOwned(fd);
    throw error;
  }
}

function listenAtPort(checked: Checked): Listener {
  const { options } = checked;
  const port = options.port === undefined ? 0 : check.port(options.port, 'options.port');
  const protocol =
    options.mptcp !== undefined && check.boolean(options.mptcp, 'options.mptcp') ? c.IPPROTO_MPTCP : 0;
  if (options.host === undefined) return listenAtAll(port, protocol, checked);
  const host = check.text(options.host, 'options.host');
  if (host === '')
    throw invalidArgValue('options.host', 'must not be empty; leave it out for all addresses', host);
  const [address] = resolve(host, port, true);
  return listenAt(address as InternetAddress, protocol, checked);
}

/** All addresses: of both families by one socket, or of IPv4 alone where there is no IPv6. */
function listenAtAll(port: number, protocol: number, checked: Checked): Listener {
  try {
    return listenAt({ family: 'IPv6', address: '::', port }, protocol, checked);
  } catch (error) {
    if (!isSystemError(error, 'EAFNOSUPPORT', 'EADDRNOTAVAIL') || checked.options.ipv6Only === true)
      throw error;
  }
  return listenAt({ family: 'IPv4', address: '0.0.0.0', port }, protocol, checked);
}

function listenAt(address: InternetAddress, protocol: number, checked: Checked): Listener {
  const { backlog, warnsIfCapped, plan, options } = checked;
  const ipv6 = address.family === 'IPv6';
  if (!ipv6 && options.ipv6Only === true) {
    throw invalidArgValue('options.ipv6Only', `cannot go with the IPv4 address ${address.address}`, true);
  }
  const packed = packAddress(address, 'address');
  return withSocket(ipv6 ? c.AF_INET6 : c.AF_INET, c.SOCK_STREAM, protocol, (fd) => {
    if (options.reuseAddress === undefined) native.setsockopt(fd, c.SOL_SOCKET, c.SO_REUSEADDR, 1);
    if (ipv6 && options.ipv6Only === undefined) native.setsockopt(fd, c.IPPROTO_IPV6, c.IPV6_V6ONLY, 0);
    return naming(address, () => {
      applyOptions(fd, plan.beforeBind(address.family));
      native.bind(fd, packed);
      applyOptions(fd, plan.beforeListen(address.family));
      return makeListener(fd, listenWith(fd, backlog), { warnsIfCapped });
    });
  });
}

function listenAtPath({ backlog, warnsIfCapped, plan, options }: Checked): Listener {
  const path = check.string(options.path, 'options.path');
  if (path === '') throw invalidArgValue('options.path', 'must not be empty', path);
  const abstract = path.startsWith('\0');
  const packed = packUnix(path, 'options.path');
  const seqpacket = options.seqpacket !== undefined && check.boolean(options.seqpacket, 'options.seqpacket');
  const mode = options.mode === undefined ? undefined : check.integer(options.mode, 'options.mode', 0, 0o777);
  if (abstract && mode !== undefined) {
    throw invalidArgValue('options.mode', 'means nothing for an abstract name', mode);
  }
  // Absolute, as the process may change its folder before the listener is closed.
  const ownedPath = abstract ? undefined : resolvePath(path);
  return withSocket(c.AF_UNIX, seqpacket ? c.SOCK_SEQPACKET : c.SOCK_STREAM, 0, (fd) => {
    const address: Address = { family: 'unix', path };
    return naming(address, () => {
      applyOptions(fd, plan.beforeBind('unix'));
      const finish = (): Listener => makeListener(fd, listenWith(fd, backlog), { ownedPath, warnsIfCapped });
      if (!abstract) return atBoundPath(fd, path, packed, mode, finish);
      native.bind(fd, packed);
      return finish();
    });
  });
}

/** Makes a Listener of somebody else's descriptor. On failure it stays theirs, and open. */
function adopt(fd: number, { backlog, warnsIfCapped, plan }: Checked): Listener {
  const address = asking(`options.fd ${fd}`, () => localName(fd));
  if (native.owned(fd))
    throw invalidArgValue('options.fd', 'belongs to a Listener or Connection: detach() it first', fd);
  const listening = native.getsockoptInt(fd, c.SOL_SOCKET, c.SO_ACCEPTCONN) !== 0;
  applyOptions(fd, [...plan.beforeBind(address.family), ...plan.beforeListen(address.family)]);
  const adopted = listening && backlog === undefined;
  const asked = adopted ? limitOf(fd) : naming(address, () => listenWith(fd, backlog));
  native.setNonblocking(fd, true);
  native.setCloexec(fd);
  return makeListener(fd, asked, { shared: true, warnsIfCapped, adopted });
}
