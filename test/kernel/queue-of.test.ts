import assert from 'node:assert/strict';
import cluster from 'node:cluster';
import { once } from 'node:events';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as https from 'node:https';
import * as net from 'node:net';
import * as path from 'node:path';
import * as tls from 'node:tls';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { listen, type Address } from 'listenq';
import { queueOf } from 'listenq/kernel';
import * as c from 'listenq/syscalls';
import { inChild } from '../support/child';
import { anyOf, needsTool, openDescriptors, privateNetwork } from '../support/machine';
import { dropsOf, queueOfDescriptor } from '../support/queue';
import { beginConnects, closeAll, inodeOf, portOf } from '../support/sockets';
import { inWorker } from '../support/worker';

const alone = privateNetwork();

test(
  'queueOf: of a Listener and of its descriptor, what TCP_INFO and SO_MEMINFO say',
  { skip: alone },
  () => {
    const listener = listen({ host: '127.0.0.1', backlog: 3 });
    const clients = beginConnects(listener.address(), 7);
    for (const source of [listener, listener.fd]) {
      const { length, limit, drops, synLength, why } = queueOf(source);
      assert.deepEqual({ length, limit }, { length: 4, limit: 3 });
      assert.deepEqual({ length, limit }, queueOfDescriptor(listener.fd));
      assert.ok(drops !== undefined && drops >= 3 && drops <= dropsOf(listener.fd), String(drops));
      assert.equal(synLength, 0);
      assert.deepEqual(why, {});
    }
    closeAll([...clients, listener]);
  },
);

const SERVERS: Record<string, () => net.Server> = {
  'net.Server': () => net.createServer(),
  'http.Server': () => http.createServer(),
  'https.Server': () => https.createServer(),
  'http2 server': () => http2.createServer(),
  'tls.Server': () => tls.createServer(),
};

for (const [name, make] of Object.entries(SERVERS)) {
  test(`queueOf: of a ${name}, how many wait while its event loop is busy`, { skip: alone }, async () => {
    const server = make();
    server.listen({ host: '127.0.0.1', port: 0, backlog: 2 });
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    // Nothing is accepted before this function ends.
    const clients = beginConnects({ family: 'IPv4', address: '127.0.0.1', port }, 5);
    const { length, limit, drops } = queueOf(server);
    assert.deepEqual([length, limit], [3, 2]);
    assert.ok(drops !== undefined && drops >= 2, String(drops));
    closeAll(clients);
    server.close();
    await once(server, 'close');
  });
}

test(
  'queueOf: of a net.Server at a path, length and limit, and why there are no drops',
  { skip: alone },
  async () => {
    const server = net.createServer();
    server.listen({ path: `\0listenq-queue-of-${process.pid}`, backlog: 4 });
    await once(server, 'listening');
    const { length, limit, drops, synLength, why } = queueOf(server);
    assert.deepEqual([length, limit, drops, synLength], [0, 4, undefined, undefined]);
    assert.match(why.drops ?? '', /AF_UNIX/);
    assert.match(why.synLength ?? '', /Unix-domain/);
    server.close();
    await once(server, 'close');
  },
);

for (const [name, to, options] of [
  ['IPv4', '127.0.0.1', { host: '127.0.0.1' }],
  ['IPv6', '::1', { host: '::1' }],
  ['dual-stack, reached over IPv4', '127.0.0.1', {}],
  ['dual-stack, reached over IPv6', '::1', {}],
  ['MPTCP', '127.0.0.1', { host: '127.0.0.1', mptcp: true }],
] as const) {
  test(`queueOf: synLength counts half-open connections (${name})`, { skip: alone }, () => {
    const listener = listen({ ...options, deferAcceptSeconds: 30, backlog: 50 });
    const other = listen({ ...options, deferAcceptSeconds: 30 });
    const family = to === '::1' ? 'IPv6' : 'IPv4';
    const address = (of: Address): Address => ({ family, address: to, port: portOf(of) });
    const clients = [
      ...beginConnects(address(listener.address()), 6),
      ...beginConnects(address(other.address()), 2),
    ];
    const reading = queueOf(listener);
    assert.deepEqual([reading.length, reading.synLength], [0, 6]);
    // Asked once: what came later is another reading's.
    clients.push(...beginConnects(address(listener.address()), 1));
    assert.equal(reading.synLength, 6);
    assert.equal(queueOf(listener.fd).synLength, 7);
    closeAll([...clients, listener, other]);
  });
}

test(
  'queueOf: JSON and what is logged hold what was read, also after the listener is closed',
  { skip: alone },
  () => {
    const listener = listen({ host: '127.0.0.1', backlog: 5 });
    const plain = { length: 0, limit: 5, drops: 0 };
    const [unread, read] = [queueOf(listener), queueOf(listener)];
    assert.equal(read.synLength, 0);
    listener.close();
    assert.deepEqual(JSON.parse(JSON.stringify(unread)), { ...plain, why: {} });
    assert.deepEqual(JSON.parse(JSON.stringify(read)), { ...plain, synLength: 0, why: {} });
    assert.equal(inspect(unread), '{ length: 0, limit: 5, drops: 0, why: {} }');
    assert.deepEqual({ ...unread }, plain);
    assert.equal(read.synLength, 0);
  },
);

test(
  'queueOf: the diagnostics are asked only when synLength is read',
  { skip: anyOf(alone, needsTool('strace')) },
  () => {
    const { result } = inChild(
      (q) => {
        const { queueOf: read } = require('listenq/kernel') as typeof import('listenq/kernel');
        const listener = q.listen({ host: '127.0.0.1', backlog: 5 });
        const { length, limit, drops } = read(listener);
        const { synLength, why } = read(listener);
        return { length, limit, drops, synLength: synLength ?? 'undefined', why };
      },
      { under: ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'inject=socket:error=EACCES:when=2+'] },
    );
    assert.deepEqual(result, {
      ...{ length: 0, limit: 5, drops: 0, synLength: 'undefined' },
      why: { synLength: 'the socket diagnostics say EACCES' },
    });
  },
);

test(
  'queueOf: a listener of another network namespace has a queue, and says why no SYN queue',
  { skip: alone },
  async () => {
    const listener = listen({ host: '127.0.0.1', backlog: 5 });
    const { heard, ended } = inWorker((_, __, fd: number, { say }) => {
      const { queueOf: read } = require('listenq/kernel') as typeof import('listenq/kernel');
      (require('listenq/lab') as typeof import('listenq/lab')).enterPrivateNetwork();
      const { limit, synLength, why } = read(fd);
      say([limit, synLength, why.synLength]);
    }, listener.fd);
    const [limit, synLength, reason] = (await heard()) as [number, undefined, string];
    assert.deepEqual([limit, synLength], [5, undefined]);
    assert.match(reason, /made in another one/);
    await ended;
    listener.close();
  },
);

test('queueOf: opens nothing that stays open, and changes nothing', { skip: alone }, () => {
  const listener = listen({ host: '127.0.0.1' });
  const before = openDescriptors();
  for (let i = 0; i < 100; i++) assert.equal(queueOf(listener).synLength, 0);
  assert.deepEqual(openDescriptors(), before);
  listener.close();
});

test('queueOf: a closed Listener throws ERR_LISTENER_CLOSED, when synLength is read too', () => {
  const listener = listen({ host: '127.0.0.1' });
  const reading = queueOf(listener);
  listener.close();
  assert.throws(() => queueOf(listener), { code: 'ERR_LISTENER_CLOSED', message: /^queueOf: / });
  assert.throws(() => reading.synLength, { code: 'ERR_LISTENER_CLOSED' });
});

test('queueOf: a server that does not listen throws ERR_SERVER_NOT_RUNNING, before and after', async () => {
  const server = net.createServer();
  assert.throws(() => queueOf(server), { code: 'ERR_SERVER_NOT_RUNNING', message: /'listening'/ });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  assert.equal(queueOf(server).length, 0);
  server.close();
  assert.throws(() => queueOf(server), { code: 'ERR_SERVER_NOT_RUNNING' });
});

test('queueOf: in a cluster worker whose socket the primary holds, ERR_SERVER_NO_DESCRIPTOR says so', async () => {
  cluster.setupPrimary({ exec: path.join(__dirname, 'cluster-queue.js'), execArgv: [], args: [] });
  const worker = cluster.fork();
  const [{ code, message }] = (await once(worker, 'message')) as [{ code: string; message: string }];
  worker.kill();
  await once(worker, 'exit');
  assert.equal(code, 'ERR_SERVER_NO_DESCRIPTOR', message);
  assert.match(message, /the primary process/);
});

const udp = (): number => c.socket(c.AF_INET, c.SOCK_DGRAM | c.SOCK_CLOEXEC);
const DESCRIPTORS: readonly [string, string, () => number][] = [
  ['a TCP socket that does not listen', 'EINVAL', () => c.socket(c.AF_INET, c.SOCK_STREAM | c.SOCK_CLOEXEC)],
  [
    'an AF_UNIX socket that does not listen',
    'EINVAL',
    () => c.socket(c.AF_UNIX, c.SOCK_STREAM | c.SOCK_CLOEXEC),
  ],
  ['a UDP socket', 'EOPNOTSUPP', udp],
  ['a connection', 'EINVAL', () => c.socketpair(c.AF_UNIX, c.SOCK_STREAM | c.SOCK_CLOEXEC)[0]],
];

for (const [what, code, make] of DESCRIPTORS) {
  test(`queueOf: the descriptor of ${what} is refused with ${code}, and named`, () => {
    const fd = make();
    assert.throws(() => queueOf(fd), { code, message: new RegExp(`the queue of descriptor ${fd}`) });
    c.close(fd);
  });
}

test('queueOf: a number that is not open is EBADF, one of a file ENOTSOCK', () => {
  assert.throws(() => queueOf(19_999), { code: 'EBADF' });
  const file = openDescriptors().find((fd) => Number.isNaN(inodeOf(fd)));
  assert.throws(() => queueOf(file as number), { code: 'ENOTSOCK' });
});

for (const [source, code] of [
  [undefined, 'ERR_INVALID_ARG_TYPE'],
  [null, 'ERR_INVALID_ARG_TYPE'],
  ['3', 'ERR_INVALID_ARG_TYPE'],
  [{}, 'ERR_INVALID_ARG_TYPE'],
  [{ _handle: { fd: 3 } }, 'ERR_INVALID_ARG_TYPE'],
  [-1, 'ERR_OUT_OF_RANGE'],
  [0.5, 'ERR_OUT_OF_RANGE'],
  [NaN, 'ERR_OUT_OF_RANGE'],
  [2 ** 31, 'ERR_OUT_OF_RANGE'],
] as const) {
  test(`queueOf: ${inspect(source)} is refused with ${code}`, () => {
    assert.throws(() => queueOf(source as never), { code });
  });
}
