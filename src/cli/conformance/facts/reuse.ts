import * as sys from 'listenq/syscalls';
import { asNobody } from '../as-user';
import { growth } from '../counters';
import { group, type FactBody, type Need } from '../fact';
import { answers, eventually, outcome } from '../outcome';
import type { Scope } from '../scope';
import {
  accepted,
  bound,
  connected,
  countOf,
  knocking,
  listener,
  nameOf,
  on,
  portOf,
  queueOf,
  stateOf,
  tcp,
} from '../sockets';

const { SO_REUSEADDR: ADDR, SO_REUSEPORT: PORT } = sys;
const NAMES = new Map([
  [ADDR, 'SO_REUSEADDR'],
  [PORT, 'SO_REUSEPORT'],
]);

function optionNames(options: readonly number[]): string {
  return options.length === 0 ? 'none' : options.map((option) => NAMES.get(option)).join('+');
}

interface Sockets {
  first: number[];
  listening?: true;
  second: number[];
}

function shares(id: string, { first, listening, second }: Sockets, expected: string): FactBody {
  return {
    id,
    title: `bind: port of a socket with ${optionNames(first)}${listening ? ' that listens' : ''}, by one with ${optionNames(second)}`,
    expected,
    run: (s) => {
      const fd = listening ? listener(s, { before: on(...first) }) : bound(s, { before: on(...first) });
      return outcome(() => bound(s, { port: portOf(fd), before: on(...second) }));
    },
  };
}

function byOtherUser(id: string, option: number, expected: string): FactBody {
  return {
    id,
    title: `bind: port of root's socket with ${optionNames([option])}, by another user's with it`,
    expected,
    needs: ['root'],
    run: (s) => {
      const fd = bound(s, { before: on(option) });
      if (option === PORT) sys.listen(fd, 5);
      return asNobody(() => outcome(() => bound(s, { port: portOf(fd), before: on(option) })));
    },
  };
}

/** A server's port after one end closed in the ordinary way, which leaves TIME_WAIT behind at that end. */
function afterClose(
  id: string,
  end: 'server' | 'client',
  old: number[],
  next: number[],
  expected: string,
): FactBody {
  const needs: Need[] = ['private network'];
  return {
    id,
    title:
      `bind: a port whose ${end} side closed first (TIME_WAIT there), the old listener with ${optionNames(old)}, ` +
      `by a socket with ${optionNames(next)}`,
    expected,
    needs,
    run: (s) => {
      const fd = listener(s, { before: on(...old) });
      const client = connected(s, nameOf(fd));
      const server = accepted(s, fd);
      const [first, last] = end === 'server' ? [server, client] : [client, server];
      s.closeQuietly(first);
      eventually(() => stateOf(last) === 'CLOSE_WAIT');
      s.closeQuietly(last);
      const port = portOf(fd);
      s.closeQuietly(fd);
      return outcome(() => bound(s, { port, before: on(...next) }));
    },
  };
}

const binds: FactBody[] = [
  shares('242', { first: [], second: [] }, 'EADDRINUSE'),
  shares('244', { first: [ADDR], listening: true, second: [ADDR] }, 'EADDRINUSE'),
  shares('245', { first: [ADDR], second: [] }, 'EADDRINUSE'),
  shares('246', { first: [], second: [ADDR] }, 'EADDRINUSE'),
  shares('248', { first: [PORT], listening: true, second: [PORT] }, 'ok'),
  shares('249', { first: [PORT], listening: true, second: [] }, 'EADDRINUSE'),
  shares('250', { first: [], listening: true, second: [PORT] }, 'EADDRINUSE'),
  shares('252', { first: [ADDR, PORT], second: [ADDR] }, 'ok'),
  shares('253', { first: [ADDR, PORT], second: [PORT] }, 'ok'),
  shares('254', { first: [ADDR, PORT], listening: true, second: [PORT] }, 'ok'),
  byOtherUser('256', PORT, 'EADDRINUSE'),
  byOtherUser('257', ADDR, 'ok'),
  {
    id: '258',
    title: 'bind: port of a socket that got SO_REUSEPORT only after bind, by one with it',
    expected: 'ok',
    run: (s) => {
      const fd = bound(s);
      on(PORT)(fd);
      return outcome(() => bound(s, { port: portOf(fd), before: on(PORT) }));
    },
  },
  {
    id: '260',
    title: 'bind: port of a closed listener whose accepted connection is still open, no options',
    expected: 'EADDRINUSE',
    run: (s) => {
      const fd = listener(s);
      connected(s, nameOf(fd));
      accepted(s, fd);
      const port = portOf(fd);
      s.closeQuietly(fd);
      return outcome(() => bound(s, { port }));
    },
  },
  afterClose('261', 'server', [], [], 'EADDRINUSE'),
  afterClose('262', 'server', [], [ADDR], 'EADDRINUSE'),
  afterClose('264', 'server', [ADDR], [ADDR], 'ok'),
  afterClose('265', 'client', [], [], 'ok'),
  {
    id: '280',
    title: 'bind: a port bound on the device lo (SO_BINDTODEVICE), by a socket without a device',
    expected: 'EADDRINUSE',
    run: (s) => {
      const fd = bound(s, {
        before: (one) => {
          sys.setsockopt(one, sys.SOL_SOCKET, sys.SO_BINDTODEVICE, Buffer.from('lo\0'));
        },
      });
      return outcome(() => bound(s, { port: portOf(fd) }));
    },
  },
  {
    id: '281',
    title: 'setsockopt: SO_BINDTODEVICE of a device that does not exist',
    expected: 'ENODEV',
    run: (s) => {
      const fd = tcp(s);
      return outcome(() => {
        sys.setsockopt(fd, sys.SOL_SOCKET, sys.SO_BINDTODEVICE, Buffer.from('nosuchdevice\0'));
      });
    },
  },
];

/** Listeners on one port by SO_REUSEPORT. */
function siblings(s: Scope, backlogs: readonly number[]): number[] {
  const first = listener(s, { backlog: backlogs[0] ?? 5, before: on(PORT) });
  const port = portOf(first);
  return [first, ...backlogs.slice(1).map((backlog) => listener(s, { backlog, port, before: on(PORT) }))];
}

function waiting(fds: readonly number[]): number[] {
  return fds.map((fd) => queueOf(fd).waiting);
}

/** Clients that connect; each is in a queue by the end, or was dropped. */
function crowd(s: Scope, fd: number, count: number): number[] {
  const to = nameOf(fd);
  return Array.from({ length: count }, () => knocking(s, to));
}

function allQueued(fds: readonly number[], count: number): boolean {
  return eventually(() => waiting(fds).reduce((sum, one) => sum + one, 0) === count);
}

const queues: FactBody[] = [
  {
    id: '266',
    title: 'SO_REUSEPORT: 4 listeners, 4000 clients: the share of each',
    expected: 'each 20-30 %',
    needs: ['private network'],
    run: (s) => {
      s.room(4000);
      const fds = siblings(s, [4096, 4096, 4096, 4096]);
      crowd(s, fds[0] as number, 4000);
      allQueued(fds, 4000);
      const shares = waiting(fds);
      const even = shares.every((share) => share >= 800 && share <= 1200);
      return even ? 'each 20-30 %' : shares.join(', ');
    },
  },
  {
    id: '2.5 backlog 0',
    title: 'SO_REUSEPORT: 2 listeners with backlog 0, 40 clients: ESTABLISHED / SYN_SENT',
    expected: '2 / 38',
    run: (s) => {
      const fds = siblings(s, [0, 0]);
      const clients = crowd(s, fds[0] as number, 40);
      eventually(() => countOf(clients, 'ESTABLISHED') === 2, 200);
      return answers(countOf(clients, 'ESTABLISHED'), countOf(clients, 'SYN_SENT'));
    },
  },
  {
    id: '268',
    title:
      'SO_REUSEPORT: a full listener drops what is hashed to it though its neighbour has room: 200 clients',
    expected: 'full one 1, other one 60-140, rest SYN_SENT',
    run: (s) => {
      const fds = siblings(s, [0, 4096]);
      const clients = crowd(s, fds[0] as number, 200);
      const [full = 0, other = 0] = waiting(fds);
      const rest = countOf(clients, 'SYN_SENT') === 200 - full - other;
      const half = other >= 60 && other <= 140 ? '60-140' : String(other);
      return `full one ${full}, other one ${half}, ${rest ? 'rest SYN_SENT' : 'not all of the rest SYN_SENT'}`;
    },
  },
  {
    id: '269',
    title: 'SO_REUSEPORT: one of 2 listeners closed, tcp_migrate_req 0: clients queued on it',
    expected: 'reset / +0',
    needs: ['private network'],
    run: (s) => closeOneOfTwo(s, 0),
  },
  {
    id: '270',
    title:
      'SO_REUSEPORT: one of 2 listeners closed, tcp_migrate_req 1: clients queued on it; TCPMigrateReqSuccess',
    expected: 'moved / one for each',
    needs: ['private network'],
    run: (s) => closeOneOfTwo(s, 1),
  },
];

/** Closes one listener of two with clients queued on both, and says what becomes of those. */
function closeOneOfTwo(s: Scope, migrate: number): string {
  s.sysctl('net.ipv4.tcp_migrate_req', migrate);
  const [closing, staying] = siblings(s, [4096, 4096]) as [number, number];
  const clients = crowd(s, closing, 40);
  allQueued([closing, staying], 40);
  const [orphans = 0, others = 0] = waiting([closing, staying]);
  const moved = growth(['TCPMigrateReqSuccess'], () => {
    s.closeQuietly(closing);
    eventually(() => queueOf(staying).waiting === 40 || countOf(clients, 'CLOSE') === orphans);
  });
  const reset = countOf(clients, 'CLOSE') === orphans && queueOf(staying).waiting === others;
  const kept = countOf(clients, 'ESTABLISHED') === 40 && queueOf(staying).waiting === 40;
  return answers(
    reset ? 'reset' : kept ? 'moved' : 'neither',
    moved === `+${orphans}` ? 'one for each' : moved,
  );
}

export const reuseFacts = group('reuse', [...binds, ...queues]);
