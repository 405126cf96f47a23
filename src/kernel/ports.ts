import { readFileSync } from 'node:fs';
import { packAddress } from '../address';
import * as c from '../constants';
import { isSystemError } from '../errors';
import { native } from '../native/load';
import * as check from '../validate';

/** What a port is here. What could not be had is undefined, and `why` has the reason. */
export interface PortAdvice {
  port: number;
  /** Below net.ipv4.ip_unprivileged_port_start. */
  privileged: boolean | undefined;
  /** Whether this thread may bind it; somebody else may hold it all the same. */
  mayBind: boolean | undefined;
  /** Inside net.ipv4.ip_local_port_range, so that an outgoing connection may have it first. */
  ephemeral: boolean | undefined;
  /** In net.ipv4.ip_local_reserved_ports: the kernel gives it only to who asks for it by number. */
  reserved: boolean | undefined;
  /** What /etc/services calls it for TCP; most have no name. */
  service: string | undefined;
  /** What to know and what to do: sentences, with the exact sysctl line where one helps. */
  advice: string[];
  /** For each field that could not be had: the reason. */
  why: Readonly<Record<string, string>>;
}

type Facts = Omit<PortAdvice, 'advice' | 'why'>;
type Range = readonly [first: number, last: number];

interface Settings {
  start: number | undefined;
  range: Range | undefined;
  reserved: Range[] | undefined;
}

const START = 'net.ipv4.ip_unprivileged_port_start';
const RANGE = 'net.ipv4.ip_local_port_range';
const RESERVED = 'net.ipv4.ip_local_reserved_ports';

/**
 * Says what a TCP port is in the network namespace of the calling thread: by the sysctls in /proc/sys/net/ipv4, and by
 * /etc/services. 0 is the kernel's choice. Does not block. ip(7), and Documentation/networking/ip-sysctl.rst.
 *
 * `mayBind` is the kernel's own answer, had without touching the port: bind(2) of a socket that has a port already looks at
 * the right to the new one (EACCES) before it finds that there is nothing to bind (EINVAL).
 *
 * @throws ERR_SOCKET_BAD_PORT, ERR_INVALID_ARG_TYPE
 */
export function portAdvice(port: number): PortAdvice {
  check.port(port, 'port');
  const why: Record<string, string> = {};
  const known = <T>(field: string, read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      const { syscall, message } = error as NodeJS.ErrnoException;
      if (syscall === undefined) throw error;
      why[field] = message;
      return undefined;
    }
  };
  const settings: Settings = {
    start: known('privileged', () => Number(textOfSysctl(START))),
    range: known('ephemeral', () => rangeOf(textOfSysctl(RANGE), /\s+/)),
    reserved: known('reserved', () => rangesOf(textOfSysctl(RESERVED))),
  };
  const within = ([first, last]: Range): boolean => port >= first && port <= last;
  const facts: Facts = {
    port,
    privileged: settings.start === undefined ? undefined : port !== 0 && port < settings.start,
    mayBind: known('mayBind', () => mayBind(port)),
    ephemeral: settings.range && within(settings.range),
    reserved: settings.reserved?.some(within),
    service: known('service', () => serviceOf(port)),
  };
  const advice =
    port === 0
      ? adviceForAny(settings)
      : [...adviceOnRight(facts, settings), ...adviceOnRange(facts, settings)];
  return { ...facts, advice, why };
}

/** @throws Error of node:fs */
function textOfSysctl(name: string): string {
  return readFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, 'utf8').trim();
}

function rangeOf(text: string, separator: RegExp | string): Range {
  const [first, last] = text.split(separator).map(Number) as [number, number?];
  return [first, last ?? first];
}

/** As the kernel writes a set of ports: 8080,9000-9010; nothing for none. */
function rangesOf(text: string): Range[] {
  return text === '' ? [] : text.split(',').map((part) => rangeOf(part, '-'));
}

/** @throws SystemCallError EADDRINUSE if the kernel has no port left to try it with */
function mayBind(port: number): boolean {
  if (port === 0) return true;
  const bind = (number: number): void =>
    native.bind(fd, packAddress({ family: 'IPv4', address: '0.0.0.0', port: number }, 'address'));
  const fd = native.openSocket(c.AF_INET, c.SOCK_STREAM | c.SOCK_CLOEXEC, 0);
  try {
    bind(0);
    bind(port);
  } catch (error) {
    if (isSystemError(error, 'EINVAL')) return true;
    if (isSystemError(error, 'EACCES')) return false;
    throw error;
  } finally {
    native.closeOwned(fd);
  }
  return true;
}

/** The first column of the line that has the port: `http 80/tcp www`. @throws Error of node:fs */
function serviceOf(port: number): string | undefined {
  const lines = readFileSync('/etc/services', 'utf8').split('\n');
  const entries = lines.map((line) => line.replace(/#.*/, '').split(/\s+/));
  return entries.find(([, number]) => number === `${port}/tcp`)?.[0];
}

function adviceForAny({ range }: Settings): string[] {
  const from = range === undefined ? `what ${RANGE} says` : `${range[0]} to ${range[1]}`;
  return [
    `Port 0 lets the kernel pick a free port from ${from}, without those in ${RESERVED}: read it back with address().`,
  ];
}

function adviceOnRight({ port, privileged, mayBind: may }: Facts, { start }: Settings): string[] {
  if (privileged !== true && may !== false) return [];
  const below = `Port ${port} is ${start === undefined ? 'privileged' : `below ${START} = ${start}`}`;
  if (may !== false)
    return [`${below}: who binds it needs CAP_NET_BIND_SERVICE${may === true ? ', which is had here' : ''}.`];
  return [
    `${below}, and CAP_NET_BIND_SERVICE is not had here, so bind(2) fails with EACCES. Give the capability ` +
      `(systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE), or let everybody bind it: sysctl -w ${START}=${port}`,
  ];
}

function adviceOnRange(
  { port, ephemeral, reserved: isReserved }: Facts,
  { range, reserved }: Settings,
): string[] {
  if (ephemeral !== true || range === undefined) return [];
  const inside = `Port ${port} is inside ${RANGE} = ${range.join(' ')}`;
  if (isReserved === true) return [`${inside}, and reserved: no outgoing connection gets it.`];
  // The line replaces the whole list: without knowing it, nobody can say how to add to it.
  const line =
    reserved && `: sysctl -w ${RESERVED}=${[...reserved, [port, port] as const].map(textOf).join(',')}`;
  return [
    `${inside}: an outgoing connection may have it when the server starts, which then fails with EADDRINUSE. ` +
      `Take a port outside, or reserve this one${line ?? ` in ${RESERVED}`}`,
  ];
}

function textOf([first, last]: Range): string {
  return first === last ? String(first) : `${first}-${last}`;
}
