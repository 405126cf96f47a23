import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as net from 'node:net';
import { test } from 'node:test';
import { listen } from 'listenq';
import { acceptLoopOf, attach, createServer } from 'listenq/server';
import { inChild } from '../support/child';
import { privateNetwork } from '../support/machine';
import { beginConnects, closeAll } from '../support/sockets';
import { fateOf, sleep } from '../accept-loop/support';
import { until } from '../support/until';
import { acceptedClients, HOST, listening } from './support';

const skip = privateNetwork();

for (const end of ['destroy', 'resetAndDestroy', 'end'] as const) {
  test(`maxConnections: a socket that ${end}() ended is no longer open`, { skip }, async () => {
    const server = attach(net.createServer(), undefined, { maxConnections: 2 });
    const address = await listening(server);
    let served = 0;
    server.on('connection', (socket) => {
      served++;
      socket.on('error', () => undefined).resume();
      socket[end]();
    });
    for (let i = 1; i <= 6; i++) {
      const clients = beginConnects(address, 1);
      await until(() => served === i, `client ${i} is served`);
      closeAll(clients);
      await until(() => acceptLoopOf(server)?.stats().open === 0, `after client ${i} none is open`);
    }
    server.close();
  });
}

test(
  "close: a listener that destroys and closes: 'close' comes once, after all were emitted",
  { skip },
  async () => {
    const server = createServer();
    const address = await listening(server);
    const seen: string[] = [];
    server.on('close', () => seen.push('close'));
    server.on('connection', (socket) => {
      seen.push('connection');
      socket.destroy();
      server.close();
    });
    const clients = acceptedClients(server, address, 4);
    server.close();
    await until(() => seen.includes('close'), 'it is closed');
    await sleep(20);
    assert.deepEqual(seen, ['connection', 'connection', 'connection', 'connection', 'close']);
    closeAll(clients);
  },
);

for (const how of ['the signal', 'loop.close()', 'server.close()', 'listener.close()']) {
  test(`${how}: closes the server, and those that were accepted are emitted`, { skip }, async () => {
    const controller = new AbortController();
    const server = createServer({ acceptLoop: { signal: controller.signal } });
    const address = await listening(server);
    let [emitted, finished] = [0, 0];
    server.on('connection', (socket) => {
      emitted++;
      socket.resume().end('served', () => finished++);
    });
    const clients = acceptedClients(server, address, 5);
    const closed = once(server, 'close');
    if (how === 'the signal') controller.abort();
    else if (how === 'loop.close()') void acceptLoopOf(server)?.close();
    else if (how === 'server.close()') server.close();
    else acceptLoopOf(server)?.listeners[0]?.close();
    await until(() => emitted === 5, 'all are emitted');
    await until(() => finished === 5, 'all are written to, and ended');
    for (const client of clients) assert.deepEqual(fateOf(client), { text: 'served', then: 'end' });
    closeAll(clients);
    await closed;
    assert.equal(server.listening, false);
  });
}

test(
  'signal: aborted before listen(), or before the next listen(): the server is closed',
  { skip },
  async () => {
    const controller = new AbortController();
    const server = createServer({ acceptLoop: { signal: controller.signal } });
    controller.abort();
    for (let round = 0; round < 2; round++) {
      server.listen(0, HOST);
      await once(server, 'close');
      assert.equal(server.listening, false);
    }
  },
);

test(
  'attach: a Listener, while a host name is still looked up: one loop, one socket, listening once',
  { skip },
  async () => {
    const listener = listen({ host: HOST, backlog: 3 });
    const server = net.createServer();
    let events = 0;
    server.on('listening', () => events++);
    attach(server, { port: 0, host: 'localhost', backlog: 7 });
    attach(server, listener);
    const loop = acceptLoopOf(server);
    await sleep(100);
    assert.equal(events, 1);
    assert.equal(acceptLoopOf(server), loop);
    assert.equal(listener.queue().limit, 3);
    server.close();
    assert.equal(listener.closed, true);
  },
);

test('attach, listen: what would give a descriptor two owners is refused', { skip }, () => {
  const listener = listen({ host: HOST });
  const refused = { code: 'ERR_INVALID_ARG_VALUE', message: /attach\(server, listener\)/ };
  assert.throws(() => createServer().listen(listener as unknown as net.ListenOptions), refused);
  assert.throws(() => createServer().listen({ fd: listener.fd }), refused);
  assert.throws(() => attach(net.createServer(), { fd: listener.fd }), refused);
  const server = attach(net.createServer(), listener);
  assert.throws(() => attach(net.createServer(), listener), { message: /belongs to a server already/ });
  server.close();
});

test(
  'attach: of no place: whoever calls listen() has the accept thread; a refused call leaves all as it was',
  { skip },
  async () => {
    const server = net.createServer();
    assert.throws(() => attach(server, { port: 99_999 }), { code: 'ERR_SOCKET_BAD_PORT' });
    await listeningPlainly(server);
    assert.equal(acceptLoopOf(server), undefined);
    server.close();
    attach(server);
    await listening(server, 0);
    assert.notEqual(acceptLoopOf(server), undefined);
    server.close();
  },
);

async function listeningPlainly(server: net.Server): Promise<void> {
  server.listen(0, HOST);
  await once(server, 'listening');
}

test('attach: port and backlog as text, or null, with options of this package too', { skip }, async () => {
  for (const [backlog, limit] of [
    ['5', 5],
    ['0', 0],
    [null, 511],
  ] as const) {
    const where = { port: '0', host: HOST, backlog, deferAcceptSeconds: 1 };
    const server = attach(net.createServer(), where as unknown as { port: number });
    await once(server, 'listening');
    assert.equal(acceptLoopOf(server)?.listeners[0]?.queue().limit, limit);
    server.close();
  }
  assert.throws(() => attach(net.createServer(), { host: HOST, deferAcceptSeconds: 1 }), {
    message: /port, a path or an fd/,
  });
});

test(
  'attach: a Listener, in a process without stdin: the port is free when the server is closed',
  { skip },
  () => {
    const { result } = inChild(async (q) => {
      const { attach } = require('listenq/server') as typeof import('listenq/server');
      const { createServer } = require('node:net') as typeof import('node:net');
      const { closeSync } = require('node:fs') as typeof import('node:fs');
      const listener = q.listen({ host: '127.0.0.1' });
      const { port } = listener.address() as { port: number };
      closeSync(0);
      const server = attach(createServer(), listener);
      await new Promise((resolve) => server.once('listening', resolve));
      await new Promise((resolve) => server.close(resolve));
      try {
        q.connect({ host: '127.0.0.1', port }).close();
        return 'connected';
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      }
    });
    assert.equal(result, 'ECONNREFUSED');
  },
);

test('close: before the accept thread has begun: who is queued by then is emitted', { skip }, async () => {
  let finished = 0;
  const server = createServer((socket) => socket.resume().end('served', () => finished++));
  server.listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const clients = beginConnects({ family: 'IPv4', address: HOST, port }, 3);
  server.close();
  await until(() => finished === 3, 'all are written to, and ended');
  for (const client of clients) assert.deepEqual(fateOf(client), { text: 'served', then: 'end' });
  closeAll(clients);
});

test(
  '_handle: whoever takes it from the server, with an onconnection of its own, goes on accepting',
  { skip },
  async () => {
    // As node:cluster does in the primary process, where createServer of node:net was replaced.
    const server = createServer();
    const address = await listening(server);
    const insides = server as unknown as { _handle: { onconnection: unknown; close: () => void } | null };
    const handle = insides._handle;
    assert.ok(handle);
    let came = 0;
    handle.onconnection = (_status: number, connection: { close: () => void }) => {
      came++;
      connection.close();
    };
    insides._handle = null;
    const clients = beginConnects(address, 2);
    await until(() => came === 2, 'both came');
    handle.close();
    closeAll(clients);
  },
);
