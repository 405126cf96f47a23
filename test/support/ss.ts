import { execFileSync } from 'node:child_process';
import type { ListeningSocket } from 'listenq/kernel';

/** A listening socket as "ss" prints it, and as `listeners()` should: the same fields, under ss's names. */
export interface SsLine {
  received: number;
  sendQ: number;
  local: string;
  uid: number;
  inode: number;
  cookie: string;
  skmem: string;
  users: string;
  v6only: string;
}

/** What ss says of the listeners of `kind` ('t', 'M' or 'x'), by inode. */
export function ssListeners(kind: 't' | 'M' | 'x'): Map<number, SsLine> {
  const text = execFileSync('ss', ['-H', '-O', `-l${kind}nmpe`], { encoding: 'utf8', maxBuffer: 2 ** 26 });
  const lines = text.split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => parse(line, kind)).map((line) => [line.inode, line]));
}

/** The limit of each queue at a TCP port, or at a path: several with SO_REUSEPORT. */
export function limitsAt(place: number | string): number[] {
  const at = typeof place === 'string';
  const asked = at ? ['-Hlx', `src ${place}`] : ['-Hlnt', `sport = :${place}`];
  const lines = execFileSync('ss', asked, { encoding: 'utf8' }).trim().split('\n');
  return lines.map((line) => Number(line.split(/\s+/)[at ? 3 : 2])).sort((a, b) => a - b);
}

function parse(line: string, kind: 't' | 'M' | 'x'): SsLine {
  const words = line.trim().split(/\s+/);
  // Before it, where the kind does not say it, stands the protocol.
  const state = words.indexOf('LISTEN');
  const at = (index: number): string => words[state + index] ?? '';
  const labelled = (label: string): string =>
    words.find((word) => word.startsWith(label))?.slice(label.length) ?? '';
  return {
    received: Number(at(1)),
    sendQ: Number(at(2)),
    local: at(3),
    uid: Number(labelled('uid:')),
    // Of AF_UNIX it stands behind the name.
    inode: Number(kind === 'x' ? at(4) : labelled('ino:')),
    cookie: labelled('sk:'),
    skmem: labelled('skmem:'),
    users: usersIn(labelled('users:')),
    v6only: labelled('v6only:'),
  };
}

/** (("node",pid=1,fd=2),("node",pid=3,fd=4)), in an order of its own. */
function usersIn(text: string): string {
  return [...text.matchAll(/\("([^"]*)",pid=(\d+),fd=(\d+)\)/g)]
    .map((match) => match.slice(1).join(' '))
    .sort()
    .join();
}

/** The same of a record of `listeners()`. */
export function asSs(socket: ListeningSocket): SsLine {
  const { address, memory: m } = socket;
  const processes = socket.processes ?? [];
  return {
    received: socket.length ?? -1,
    sendQ: socket.limit ?? -1,
    local: localOf(socket),
    uid: socket.uid ?? -1,
    inode: socket.inode,
    // ss does not show those of AF_UNIX.
    cookie: address.family === 'unix' ? '' : (socket.cookie ?? ''),
    skmem:
      m === undefined
        ? ''
        : `(r${m.receiveAllocated},rb${m.receiveBuffer},t${m.sendAllocated},tb${m.sendBuffer},f${m.forwardAllocated},` +
          `w${m.sendQueued},o${m.options},bl${m.backlog},d${m.drops})`,
    users: processes
      .map(({ name, pid, fd }) => `${name} ${pid} ${fd}`)
      .sort()
      .join(),
    v6only: address.family === 'IPv6' ? String(Number(socket.ipv6Only)) : '',
  };
}

function localOf({ address, interface: device, ipv6Only }: ListeningSocket): string {
  if (address.family === 'unix') return address.path === '' ? '*' : address.path.replaceAll('\0', '@');
  const on = device === undefined ? '' : `%${device}`;
  if (address.family === 'IPv4') return `${address.address}${on}:${address.port}`;
  const all = address.address === '::' && ipv6Only !== true;
  return `${all ? '*' : `[${address.address}]`}${on}:${address.port}`;
}
