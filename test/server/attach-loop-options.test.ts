import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as http from 'node:http';
import * as net from 'node:net';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import * as tls from 'node:tls';
import { queueOf } from 'listenq/kernel';
import { acceptLoopOf, attach } from 'listenq/server';
import type { AcceptLoopStats } from 'listenq';
import { blockUntil, fateOf } from '../accept-loop/support';
import { until } from '../support/until';
import { makeCertificate } from '../support/certificates';
import { needsTool } from '../support/machine';
import { beginConnect, beginConnects, closeAll } from '../support/sockets';
import { Client, stop, withAttached } from './side-by-side';

const LOOPBACK = { port: 0, host: '127.0.0.1' };
const GET = 'GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n';
const BUSY = 'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 5\r\n\r\nbusy\n';
const noOpenssl = needsTool('openssl');

const at = (port: number): { family: 'IPv4'; address: string; port: number } => ({
  family: 'IPv4',
  address: '127.0.0.1',
  port,
});
const httpServer = (): http.Server => http.createServer((_, response) => response.end('served'));
const echo = (socket: net.Socket): unknown => socket.pipe(socket);

function statsOf(server: net.Server): AcceptLoopStats {
  const stats = acceptLoopOf(server)?.stats();
  assert.ok(stats);
  return stats;
}

async function served(port: number): Promise<boolean> {
  return (await Client.to(port, GET).all()).endsWith('served(end)');
}

test('attach: overload with bytes: who waits too long gets the 503 while this thread is blocked', async () => {
  await withAttached(
    httpServer(),
    async (server, port) => {
      assert.equal(await served(port), true);
      const client = beginConnect(at(port));
      // This thread is in poll(2) until the answer has come and the stream has ended.
      assert.deepEqual(fateOf(client), { text: BUSY, then: 'end' });
      closeAll([client]);
      assert.equal(statsOf(server).refused.maxWaitMs, 1);
      assert.equal(await served(port), true);
    },
    { overload: Buffer.from(BUSY), maxWaitMs: 500 },
  );
});

test("attach: overload 'reset' beyond maxWaiting: those that are too many are reset, the others served", async () => {
  await withAttached(
    httpServer(),
    async (server, port) => {
      assert.equal(await served(port), true);
      const clients = beginConnects(at(port), 6);
      blockUntil(() => statsOf(server).accepted === 7, 'all are accepted');
      const { waiting, refused } = statsOf(server);
      assert.ok(refused.maxWaiting > 0);
      const fates = clients.map((client) => fateOf(client, 50).then);
      assert.deepEqual(
        fates,
        fates.map((_, index) => (index < waiting ? 'open' : 'reset')),
      );
      await until(() => statsOf(server).delivered === 1 + waiting, 'the others are taken');
      closeAll(clients);
    },
    { overload: 'reset', maxWaiting: 2 },
  );
});

test('attach: highWaterMark: so many wait in the loop, the others in the kernel; all are served', async () => {
  await withAttached(
    net.createServer(echo),
    async (server, port) => {
      const clients = beginConnects(at(port), 5);
      // One more than the bound: for the server, which takes whatever comes.
      blockUntil(() => statsOf(server).waiting === 3, 'three are accepted');
      assert.equal(queueOf(server).length, 2);
      await until(() => statsOf(server).delivered === 5, 'all are taken');
      closeAll(clients);
    },
    { highWaterMark: 2 },
  );
});

/** Kinds of connection that are open, each until its client goes. */
const HELD: {
  title: string;
  server: () => net.Server;
  hold: (port: number) => Promise<net.Socket>;
  skip?: string | false;
}[] = [
  {
    title: 'a keep-alive connection',
    server: httpServer,
    hold: async (port) => {
      const client = Client.to(port, 'GET / HTTP/1.1\r\nHost: here\r\n\r\n');
      await client.has(/served/);
      return client.socket;
    },
  },
  {
    title: 'an upgraded connection',
    server: () =>
      httpServer().on('upgrade', (_request, socket: Duplex) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n');
        socket.pipe(socket);
      }),
    hold: async (port) => {
      const client = Client.to(
        port,
        'GET / HTTP/1.1\r\nHost: here\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n',
      );
      await client.has(/101/);
      return client.socket;
    },
  },
  {
    title: 'a TLS connection',
    server: () => {
      const { key, cert } = makeCertificate('here.test');
      return tls.createServer({ key, cert }, echo);
    },
    hold: async (port) => {
      const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      return socket;
    },
    skip: noOpenssl,
  },
];

for (const { title, server: make, hold, skip = false } of HELD) {
  test(
    `attach: maxConnections: ${title} counts until it is closed; then the next one gets in`,
    { skip },
    async () => {
      await withAttached(
        make(),
        async (server, port) => {
          const first = await hold(port);
          assert.equal(statsOf(server).open, 1);
          assert.equal(await Client.to(port).all(), '(end)');
          assert.equal(statsOf(server).refused.maxConnections, 1);
          first.destroy();
          await until(() => statsOf(server).open === 0, 'it no longer counts');
          (await hold(port)).destroy();
          assert.equal(statsOf(server).refused.maxConnections, 1);
        },
        { maxConnections: 1 },
      );
    },
  );
}

test('attach: blockList: those peers are closed unseen; rules that are added later count', async () => {
  const blockList = new net.BlockList();
  await withAttached(
    net.createServer(echo),
    async (server, port) => {
      const from = (localAddress: string): Client =>
        new Client(net.connect({ port, host: '127.0.0.1', localAddress }));
      const first = from('127.0.0.2');
      first.say('hello');
      await first.has(/hello/);
      blockList.addAddress('127.0.0.2');
      assert.match(await from('127.0.0.2').all(), /^\((end|ECONNRESET)\)$/);
      const other = from('127.0.0.3');
      other.say('hello');
      await other.has(/hello/);
      const { refused, delivered } = statsOf(server);
      assert.deepEqual([refused.blockList, delivered], [1, 2]);
      for (const { socket } of [first, other]) socket.destroy();
    },
    { blockList },
  );
});

test("attach: signal: aborted, it closes the server: 'close', and nobody gets in", async () => {
  const controller = new AbortController();
  const server = attach(net.createServer(echo), LOOPBACK, { signal: controller.signal });
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const closed = once(server, 'close');
  controller.abort();
  await closed;
  assert.equal(server.listening, false);
  assert.equal(await Client.to(port).all(), '(ECONNREFUSED)');
  const again = net.createServer();
  assert.throws(() => attach(again, LOOPBACK, { signal: controller.signal }), { name: 'AbortError' });
  assert.equal(again.listening, false);
});

test('attach: signal of listenOptions is that of server.listen()', async () => {
  const controller = new AbortController();
  const server = attach(net.createServer(), { ...LOOPBACK, signal: controller.signal });
  await once(server, 'listening');
  const closed = once(server, 'close');
  controller.abort();
  await closed;
  assert.equal(acceptLoopOf(server), undefined);
});

test('attach: pause() keeps clients in the kernel, resume() serves them', async () => {
  await withAttached(net.createServer(echo), async (server, port) => {
    acceptLoopOf(server)?.pause();
    const client = Client.to(port, 'hello');
    await once(client.socket, 'connect');
    await until(() => queueOf(server).length === 1, 'it waits in the kernel');
    acceptLoopOf(server)?.resume();
    await client.has(/hello/);
    client.socket.end();
    await client.all();
    await stop(server);
  });
});
