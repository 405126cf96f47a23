import assert from 'node:assert/strict';
import { once } from 'node:events';
import type * as net from 'node:net';
import { test } from 'node:test';
import { createServer } from 'listenq/server';
import { beginConnects, closeAll } from '../support/sockets';
import { inChild } from '../support/child';
import { openDescriptors, privateNetwork } from '../support/machine';
import { blockUntil, fateOf, isOpen, refuses, threads } from '../accept-loop/support';
import { until } from '../support/until';
import { acceptedClients, HOST, listening, untaken } from './support';

const skip = privateNetwork();

test('close: the port is free when it returns, 50 times', { skip }, async () => {
  const server = createServer();
  const { port } = await listening(server);
  for (let round = 0; round < 50; round++) {
    server.close();
    assert.deepEqual([server.listening, server.address()], [false, null]);
    server.listen(port, HOST);
    await once(server, 'listening');
  }
  server.close();
  await once(server, 'close');
});

test(
  'close: emits what had been accepted, before it returns; the kernel resets what it had queued',
  { skip },
  async () => {
    const server = createServer({ acceptLoop: { highWaterMark: 3 } });
    const address = await listening(server, 20);
    const sockets: net.Socket[] = [];
    server.on('connection', (socket) => sockets.push(socket));
    const clients = beginConnects(address, 10);
    blockUntil(
      () => untaken(server) === 4,
      'four are accepted: three, and one for the server, which takes them',
    );
    server.close();
    assert.equal(sockets.length, 4);
    assert.deepEqual(
      clients.map((client) => isOpen(client)),
      clients.map((_, index) => index < 4),
    );
    assert.ok(refuses(address));
    const closed = once(server, 'close');
    for (const socket of sockets) socket.resume().end('served');
    await new Promise(setImmediate);
    for (const client of clients.slice(0, 4)) assert.equal(fateOf(client).text, 'served');
    closeAll(clients);
    await closed;
  },
);

test(
  "close: from within 'connection', again from those that it emits: each client once",
  { skip },
  async () => {
    const server = createServer();
    const address = await listening(server);
    let [emitted, running, ends] = [0, 0, 0];
    server.on('close', () => ends++);
    server.on('connection', (socket) => {
      assert.equal(++running, 1, 'one listener at a time');
      emitted++;
      if (emitted % 2 === 1) server.close();
      assert.equal(server.listening, false);
      if (emitted > 2) socket.destroy();
      else socket.resume().end();
      running--;
    });
    const clients = acceptedClients(server, address, 5);
    const closed = once(server, 'close');
    await until(() => emitted === 5, 'all are emitted');
    closeAll(clients);
    await closed;
    await new Promise(setImmediate);
    assert.deepEqual([emitted, ends], [5, 1]);
  },
);

test('close: leaves neither a descriptor nor a thread', { skip }, async () => {
  const now = (): [number, number] => [openDescriptors().length, threads()];
  // Of the servers above something may still be on its way out.
  const [descriptors, tasks] = now();
  for (let round = 0; round < 6; round++) {
    const server = createServer((socket) => socket.resume().end());
    const address = await listening(server);
    const clients = beginConnects(address, 5);
    if (round % 2 === 0) await until(() => untaken(server) === 0, 'all are emitted');
    server.close();
    closeAll(clients);
    await once(server, 'close');
  }
  await until(() => now()[0] <= descriptors && now()[1] <= tasks, 'as many as before, or fewer');
});

test(
  "close: a 'connection' listener that throws meanwhile is an uncaughtException, and the others are emitted",
  { skip },
  () => {
    const { result } = inChild(async (q, s) => {
      const { createServer } = require('listenq/server') as typeof import('listenq/server');
      const caught: string[] = [];
      process.on('uncaughtException', (error) => caught.push(error.message));
      let emitted = 0;
      const server = createServer((socket) => {
        socket.resume().end();
        if (++emitted > 1) throw new Error(`the ${emitted}th`);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as import('node:net').AddressInfo;
      q.connect({ host: '127.0.0.1', port }).close();
      while (emitted === 0) await new Promise(setImmediate);
      const clients = [1, 2, 3].map(() => q.connect({ host: '127.0.0.1', port }));
      s.poll([], 200);
      server.close();
      const during = emitted;
      for (const client of clients) client.close();
      await new Promise((resolve) => server.once('close', resolve));
      return { during, caught };
    });
    assert.deepEqual(result, { during: 4, caught: ['the 2th', 'the 3th', 'the 4th'] });
  },
);
