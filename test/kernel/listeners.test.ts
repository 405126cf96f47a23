import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'node:test';
import { listen, type Listener } from 'listenq';
import { listeners, type ListeningSocket } from 'listenq/kernel';
import * as c from 'listenq/syscalls';
import { inChild } from '../support/child';
import {
  anyOf,
  needsRoot,
  needsTool,
  openDescriptors,
  privateNetwork,
  setSysctl,
  temporaryFolder,
} from '../support/machine';
import { beginConnects, closeAll, inodeOf, portOf } from '../support/sockets';
import { asSs, ssListeners } from '../support/ss';
import { inWorker } from '../support/worker';

const alone = privateNetwork();
const withSs = anyOf(alone, needsTool('ss'));

function recordOf(listener: Listener, options = {}): ListeningSocket {
  const inode = inodeOf(listener.fd);
  const found = listeners(options).find((socket) => socket.inode === inode);
  assert.ok(found !== undefined, `no listener has the inode ${inode}`);
  return found;
}

/** A thousand of all kinds, some with connections that wait and some that dropped SYNs. */
function aThousand(folder: string): { opened: Listener[]; clients: number[] } {
  const opened: Listener[] = [];
  const clients: number[] = [];
  const add = (count: number, make: (i: number) => Listener): void => {
    for (let i = 0; i < count; i++) opened.push(make(i));
  };
  add(400, (i) => listen({ host: '127.0.0.1', backlog: i % 7, receiveBuffer: 4096 + 64 * i }));
  add(100, (i) => listen({ host: `127.0.${i}.1`, backlog: i }));
  add(100, () => listen({ host: '::1' }));
  add(100, (i) => listen({ backlog: i }));
  add(50, () => listen({ host: '::', ipv6Only: true }));
  add(20, () => listen({ host: '::ffff:127.0.0.1' }));
  add(20, () => listen({ host: '127.0.0.1', bindToDevice: 'lo' }));
  add(60, (i) => listen({ host: '127.0.0.1', mptcp: true, backlog: i }));
  add(50, (i) => listen({ path: path.join(folder, `s${i}`), backlog: i }));
  add(50, (i) => listen({ path: `\0listenq-${process.pid}-${i}`, backlog: i }));
  add(50, (i) => listen({ path: path.join(folder, `q${i}`), seqpacket: true, backlog: i }));
  for (const listener of opened.filter((_, i) => i % 9 === 0)) {
    if (listener.address().family === 'unix') continue;
    clients.push(...beginConnects(listener.address(), 1 + (clients.length % 4)));
  }
  return { opened, clients };
}

test('listeners: 1000 of TCP, MPTCP and AF_UNIX, field by field as ss prints them', { skip: withSs }, () => {
  // No SYN must be repeated between the two readings.
  setSysctl('net.ipv4.tcp_syn_retries', 1);
  const { opened, clients } = aThousand(temporaryFolder());
  const ours = listeners();
  const kinds = { tcp: ssListeners('t'), mptcp: ssListeners('M'), unix: ssListeners('x') };
  assert.equal(ours.length, opened.length);
  let [waiting, dropped] = [0, 0];
  for (const socket of ours) {
    const theirs = kinds[socket.protocol].get(socket.inode);
    assert.ok(theirs !== undefined, `ss has no ${socket.protocol} listener with the inode ${socket.inode}`);
    // ss shows the drops of an MPTCP listener at the TCP socket in it, which it lists as another one.
    const skmem = (kinds.tcp.get(socket.inode) ?? theirs).skmem;
    assert.deepEqual(asSs(socket), { ...theirs, skmem });
    assert.equal(socket.drops, socket.protocol === 'unix' ? undefined : socket.memory?.drops);
    waiting += socket.length ?? 0;
    dropped += socket.drops ?? 0;
    assert.deepEqual(socket.drops, socket.protocol === 'unix' ? undefined : socket.memory?.drops);
  }
  assert.ok(waiting > 100 && dropped > 10, `${waiting} wait, ${dropped} were dropped`);
  const inner = [...kinds.tcp.keys()].filter((inode) => kinds.mptcp.has(inode));
  assert.equal(kinds.tcp.size + kinds.mptcp.size + kinds.unix.size - inner.length, ours.length);
  closeAll([...clients, ...opened]);
});

test(
  'listeners: none where nothing listens; a connection and a bound socket are none',
  { skip: alone },
  () => {
    assert.deepEqual(listeners(), []);
    const bound = c.socket(c.AF_INET, c.SOCK_STREAM | c.SOCK_CLOEXEC);
    c.bind(bound, { family: 'IPv4', address: '127.0.0.1', port: 0 });
    assert.deepEqual(listeners(), []);
    c.close(bound);
  },
);

test('listeners: port keeps those of that port, of both families', { skip: alone }, () => {
  const v4 = listen({ host: '127.0.0.1' });
  const port = portOf(v4.address());
  const all = [
    v4,
    listen({ host: '::1', port }),
    listen({ host: '127.0.0.1' }),
    listen({ path: '\0elsewhere' }),
  ];
  const found = listeners({ port }).map(({ address }) => address);
  assert.deepEqual(found, [
    { family: 'IPv4', address: '127.0.0.1', port },
    { family: 'IPv6', address: '::1', port },
  ]);
  assert.equal(listeners().length, 4);
  closeAll(all);
});

/** A client that sends nothing to a deferring listener stays in the SYN queue. */
function halfOpen(listener: Listener, count: number, host?: string): number[] {
  const { port } = listener.address() as { port: number };
  return beginConnects({ family: 'IPv4', address: host ?? '127.0.0.1', port }, count);
}

test('listeners: synLength counts the half-open connections of each', { skip: alone }, () => {
  const deferAcceptSeconds = 30;
  const exact = listen({ host: '127.0.0.1', deferAcceptSeconds });
  const { port } = exact.address() as { port: number };
  const all = listen({ host: '::', deferAcceptSeconds });
  const idle = listen({ host: '127.0.0.1' });
  const clients = [...halfOpen(exact, 3), ...halfOpen(all, 5, '127.0.0.9')];
  assert.equal(recordOf(exact).synLength, undefined, 'nobody asked');
  const lengthOf = (listener: Listener): unknown => recordOf(listener, { synLength: true }).synLength;
  assert.deepEqual([exact, all, idle].map(lengthOf), [3, 5, 0]);
  assert.equal(listeners({ port, synLength: true })[0]?.synLength, 3);
  closeAll(clients);
  closeAll([exact, all, idle]);
});

test(
  'listeners: synLength goes to the exact address before any address, on one port',
  { skip: alone },
  () => {
    const deferAcceptSeconds = 30;
    const exact = listen({ host: '127.0.0.2', deferAcceptSeconds, reusePort: true });
    const { port } = exact.address() as { port: number };
    const any = listen({ host: '0.0.0.0', port, deferAcceptSeconds, reusePort: true });
    const clients = [...halfOpen(exact, 2, '127.0.0.2'), ...halfOpen(any, 4, '127.0.0.3')];
    const lengths = listeners({ port, synLength: true }).map(({ address, synLength }) => [
      address.family === 'unix' ? '' : address.address,
      synLength,
    ]);
    assert.deepEqual(
      new Map(lengths as [string, number][]),
      new Map([
        ['127.0.0.2', 2],
        ['0.0.0.0', 4],
      ]),
    );
    closeAll([...clients, exact, any]);
  },
);

test(
  'listeners: a socket that two processes hold has both, with the descriptor in each',
  { skip: alone },
  async () => {
    const listener = listen({ host: '127.0.0.1' });
    const child = spawn('sleep', ['30'], { stdio: ['ignore', 'ignore', 'ignore', listener.fd] });
    await once(child, 'spawn');
    const { processes } = recordOf(listener);
    assert.deepEqual(
      new Set(processes?.map(({ pid, fd }) => `${pid} ${fd}`)),
      new Set([`${process.pid} ${listener.fd}`, `${child.pid} 3`]),
    );
    assert.equal(processes?.find(({ pid }) => pid === child.pid)?.name, 'sleep');
    assert.equal(recordOf(listener, { processes: false }).processes, undefined);
    child.kill();
    await once(child, 'exit');
    listener.close();
  },
);

test('listeners: a shortage of descriptors is said, and the queues are shown', { skip: alone }, () => {
  const { result } = inChild<ListeningSocket[]>((q, s) => {
    const kernel = require('listenq/kernel') as typeof import('listenq/kernel');
    const listener = q.listen({ host: '127.0.0.1', backlog: 5 });
    const { soft, hard } = s.getrlimit(s.RLIMIT_NOFILE);
    // The next free number is the last one: it is enough for the diagnostics, and not for /proc.
    const next = s.socket(s.AF_INET, s.SOCK_STREAM);
    s.setrlimit(s.RLIMIT_NOFILE, { soft: next + 1, hard });
    s.close(next);
    const found = kernel.listeners();
    s.setrlimit(s.RLIMIT_NOFILE, { soft, hard });
    listener.close();
    return found;
  });
  const own = result.find(({ limit }) => limit === 5);
  assert.equal(own?.processes, undefined);
  assert.equal(own?.why.processes, '/proc cannot be read: EMFILE');
});

test('listeners: opens nothing that stays open', { skip: alone }, () => {
  const listener = listen({ host: '127.0.0.1' });
  const before = openDescriptors();
  for (let i = 0; i < 50; i++) listeners({ synLength: true });
  assert.deepEqual(openDescriptors(), before);
  listener.close();
});

test('listeners: a worker in a network of its own sees its own', { skip: alone }, async () => {
  const outside = listen({ host: '127.0.0.1' });
  const { heard, ended } = inWorker((q, _, __, { say }) => {
    const kernel = require('listenq/kernel') as typeof import('listenq/kernel');
    (require('listenq/lab') as typeof import('listenq/lab')).enterPrivateNetwork();
    const none = kernel.listeners().length;
    const listener = q.listen({ host: '127.0.0.1' });
    say([none, kernel.listeners().length]);
    listener.close();
  });
  assert.deepEqual(await heard(), [0, 1]);
  await ended;
  outside.close();
});

const strace = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=socket'];
// All sockets are refused once the listener is there: those of the diagnostics too.
const refused = [...strace, '-e', 'inject=socket:error=EPERM:when=4+'];

test(
  'listeners: without the diagnostics /proc/net tells what it knows, and why the rest is missing',
  { skip: anyOf(alone, needsTool('strace')) },
  () => {
    const { result } = inChild(
      (q) => {
        const kernel = require('listenq/kernel') as typeof import('listenq/kernel');
        const v4 = q.listen({ host: '127.0.0.1', backlog: 5 });
        const v6 = q.listen({ host: '::1', backlog: 5 });
        const unix = q.listen({ path: '\0proc@net' });
        const found = kernel.listeners();
        const ports = [v4, v6].map((one) => (one.address() as { port: number }).port);
        unix.close();
        return { found, ports, pid: process.pid };
      },
      { under: refused },
    );
    const { found, ports, pid } = result;
    const [v4, v6, unix] = found;
    assert.deepEqual(v4?.address, { family: 'IPv4', address: '127.0.0.1', port: ports[0] });
    assert.deepEqual(v6?.address, { family: 'IPv6', address: '::1', port: ports[1] });
    assert.deepEqual(unix?.address, { family: 'unix', path: '\0proc@net' });
    assert.deepEqual([v4.length, v4.uid, v6.length], [0, 0, 0]);
    for (const socket of [v4, v6, unix]) {
      assert.equal(socket.limit, undefined);
      assert.match(socket.why.limit ?? '', /EPERM/);
      assert.equal(socket.processes?.[0]?.pid, pid);
    }
  },
);

test(
  'listeners: without /proc the kernel is asked all the same, and why no process is known is said',
  { skip: anyOf(alone, needsRoot(), needsTool('unshare')) },
  () => {
    const { result } = inChild(
      (q) => {
        const kernel = require('listenq/kernel') as typeof import('listenq/kernel');
        const listener = q.listen({ host: '127.0.0.1', backlog: 5 });
        const { execFileSync } = require('node:child_process') as typeof import('node:child_process');
        execFileSync('umount', ['-l', '/proc']);
        const [found] = kernel.listeners();
        listener.close();
        return found;
      },
      { under: ['unshare', '-m'] },
    );
    const found = result as ListeningSocket;
    assert.deepEqual([found.length, found.limit], [0, 5]);
    assert.equal(found.processes, undefined);
    assert.match(found.why.processes ?? '', /\/proc cannot be read: ENOENT/);
  },
);

test(
  'listeners: a user who may not look into others is told how many they are',
  { skip: anyOf(alone, needsRoot(), needsTool('setpriv')) },
  () => {
    const listener = listen({ host: '127.0.0.1' });
    const { result } = inChild(
      () => (require('listenq/kernel') as typeof import('listenq/kernel')).listeners(),
      { under: ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'], env: { HOME: os.tmpdir() } },
    );
    const [found] = result;
    assert.equal(found?.processes, undefined);
    assert.match(found?.why.processes ?? '', /^this user may not look into \d+ processes of other users$/);
    listener.close();
  },
);

for (const [options, code] of [
  [null, 'ERR_INVALID_ARG_TYPE'],
  ['x', 'ERR_INVALID_ARG_TYPE'],
  [{ port: 0 }, 'ERR_OUT_OF_RANGE'],
  [{ port: 65536 }, 'ERR_OUT_OF_RANGE'],
  [{ port: '80' }, 'ERR_INVALID_ARG_TYPE'],
  [{ synLength: 1 }, 'ERR_INVALID_ARG_TYPE'],
  [{ processes: null }, 'ERR_INVALID_ARG_TYPE'],
  [{ proccesses: true }, 'ERR_INVALID_ARG_VALUE'],
] as const) {
  test(`listeners: ${JSON.stringify(options)} is refused with ${code}`, () => {
    assert.throws(() => listeners(options as never), { code });
  });
}
