import assert from 'node:assert/strict';
import { getEventListeners, once } from 'node:events';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { acceptLoop, AcceptLoop, Connection, listen } from 'listenq';
import * as c from 'listenq/syscalls';
import { isCloexec, privateNetwork } from '../support/machine';
import { beginConnect, beginConnects, closeAll } from '../support/sockets';
import { until } from '../support/until';
import { addressOf, listenerOf, sleep, withLoop } from './support';

const skip = privateNetwork();
const LOCAL = { host: '127.0.0.1' };

test('accept: a connection that is CLOEXEC and O_NONBLOCK, and knows both ends', { skip }, async () => {
  await withLoop(LOCAL, {}, async (loop) => {
    const client = beginConnect(addressOf(loop));
    const connection = await loop.accept();
    assert.ok(connection instanceof Connection);
    assert.deepEqual([isCloexec(connection.fd), c.getNonblocking(connection.fd)], [true, true]);
    assert.deepEqual(connection.remoteAddress, c.getsockname(client));
    assert.deepEqual(connection.localAddress, c.getpeername(client));
    c.send(client, Buffer.from('ping'));
    assert.equal(connection.recv(4).toString(), 'ping');
    closeAll([client, connection]);
  });
});

for (const [family, source] of Object.entries({
  IPv4: LOCAL,
  IPv6: { host: '::1' },
  'IPv4 on ::': { host: '::' },
  unix: { path: '\0listenq-loop-address' },
  seqpacket: { path: '\0listenq-loop-seqpacket', seqpacket: true },
})) {
  test(`accept: remoteAddress of ${family} is what the client is bound to`, { skip }, async () => {
    await withLoop(source, {}, async (loop) => {
      const bound = addressOf(loop);
      const to =
        bound.family === 'IPv6' && bound.address === '::' ? { ...bound, address: '::ffff:127.0.0.1' } : bound;
      const type = family === 'seqpacket' ? c.SOCK_SEQPACKET : c.SOCK_STREAM;
      const clients = beginConnects(to, 3, type);
      const taken = [await loop.accept(), await loop.accept(), await loop.accept()];
      assert.deepEqual(
        taken.map((connection) => connection.remoteAddress),
        clients.map((client) => c.getsockname(client)),
      );
      closeAll([...clients, ...taken]);
    });
  });
}

test('accept: addresses stay with their connections, however late they are read', { skip }, async () => {
  await withLoop(LOCAL, {}, async (loop) => {
    const clients = beginConnects(addressOf(loop), 150);
    const names = clients.map((client) => c.getsockname(client));
    const taken: Connection[] = [];
    while (taken.length < 150) taken.push(await loop.accept());
    closeAll([...clients, ...taken]);
    assert.deepEqual(
      taken.map((connection) => connection.remoteAddress),
      names,
      'in the order of the clients, and after all is closed',
    );
  });
});

test('accept: callers that wait are served in their order', { skip }, async () => {
  await withLoop(LOCAL, {}, async (loop) => {
    const order: number[] = [];
    const calls = [0, 1, 2, 3, 4].map(async (index) => {
      const connection = await loop.accept();
      order.push(index);
      return connection;
    });
    await sleep(30);
    const clients = beginConnects(addressOf(loop), 5);
    const taken = await Promise.all(calls);
    assert.deepEqual(order, [0, 1, 2, 3, 4]);
    assert.deepEqual(
      taken.map((connection) => connection.remoteAddress),
      clients.map((client) => c.getsockname(client)),
    );
    closeAll([...clients, ...taken]);
  });
});

test(
  'for await: connections as they come; leaving it leaves the loop open, and it can be begun again',
  { skip },
  async () => {
    await withLoop(LOCAL, {}, async (loop) => {
      const clients = beginConnects(addressOf(loop), 6);
      const taken: Connection[] = [];
      for (const until of [2, 6]) {
        for await (const connection of loop) {
          taken.push(connection);
          if (taken.length === until) break;
        }
        assert.equal(loop.closed, false);
      }
      assert.deepEqual(
        taken.map((connection) => connection.remoteAddress),
        clients.map((client) => c.getsockname(client)),
      );
      closeAll([...clients, ...taken]);
    });
  },
);

test('for await: two iterations at once share what comes, and both end with close()', { skip }, async () => {
  const loop = acceptLoop(LOCAL);
  const ports: number[][] = [[], []];
  const iterations = ports.map(async (seen) => {
    for await (const connection of loop) {
      seen.push((connection.remoteAddress as { port: number }).port);
      connection.close();
    }
  });
  const clients = beginConnects(addressOf(loop), 40);
  await until(() => loop.stats().delivered === 40, 'all are delivered');
  await loop.close();
  await Promise.all(iterations);
  assert.deepEqual(
    ports.flat().sort(),
    clients.map((client) => (c.getsockname(client) as { port: number }).port).sort(),
  );
  closeAll(clients);
});

test("'connection': once for each, to a listener that came after they did", { skip }, async () => {
  await withLoop(LOCAL, {}, async (loop) => {
    const clients = beginConnects(addressOf(loop), 200);
    await until(() => loop.stats().waiting === 200, 'all wait');
    const taken: Connection[] = [];
    loop.on('connection', (connection) => taken.push(connection));
    assert.equal(taken.length, 0, 'never within on() itself');
    await until(() => taken.length === 200, 'all were emitted');
    assert.deepEqual(
      taken.map((connection) => connection.remoteAddress),
      clients.map((client) => c.getsockname(client)),
    );
    closeAll([...clients, ...taken]);
  });
});

test("'connection': once() takes one and leaves the rest waiting", { skip }, async () => {
  await withLoop(LOCAL, {}, async (loop) => {
    const clients = beginConnects(addressOf(loop), 3);
    const [first] = (await once(loop, 'connection')) as [Connection];
    await until(() => loop.stats().waiting === 2, 'two wait');
    await sleep(30);
    assert.deepEqual([loop.stats().delivered, loop.stats().waiting], [1, 2]);
    const rest = [await loop.accept(), await loop.accept()];
    closeAll([...clients, first, ...rest]);
  });
});

test("'connection': a caller that waits in accept() is served before it", { skip }, async () => {
  await withLoop(LOCAL, {}, async (loop) => {
    const emitted: Connection[] = [];
    loop.on('connection', (connection) => emitted.push(connection));
    const call = loop.accept();
    await sleep(20);
    const clients = beginConnects(addressOf(loop), 2);
    const taken = await call;
    await until(() => emitted.length === 1, 'the second was emitted');
    assert.deepEqual(taken.remoteAddress, c.getsockname(clients[0] as number));
    closeAll([...clients, taken, ...emitted]);
  });
});

test(
  "'connection': a listener that throws is 'uncaughtException', and the rest is still emitted",
  { skip },
  async () => {
    const messages: string[] = [];
    const hear = (error: Error): number => messages.push(error.message);
    const runners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException').on('uncaughtException', hear);
    try {
      await withLoop(LOCAL, {}, async (loop) => {
        const clients = beginConnects(addressOf(loop), 150);
        await until(() => loop.stats().waiting === 150, 'all wait');
        let count = 0;
        loop.on('connection', (connection) => {
          connection.close();
          if (++count % 50 === 1) throw new Error(`boom ${count}`);
        });
        await until(() => count === 150, 'all were emitted');
        assert.deepEqual(messages, ['boom 1', 'boom 51', 'boom 101']);
        closeAll(clients);
      });
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const listener of runners) process.on('uncaughtException', listener);
    }
  },
);

test('removeAllListeners(): without an event it removes those of all', { skip }, async () => {
  await withLoop(LOCAL, {}, (loop) => {
    for (const event of ['connection', 'shortage', 'error', 'close'] as const)
      loop.on(event, () => undefined);
    loop.removeAllListeners('error');
    assert.deepEqual([loop.listenerCount('error'), loop.listenerCount('close')], [0, 1]);
    loop.removeAllListeners();
    assert.deepEqual([loop.listenerCount('connection'), loop.listenerCount('close')], [0, 0]);
  });
});

test("'connection': a listener added after removeAllListeners() gets what waits", { skip }, async () => {
  await withLoop(LOCAL, {}, async (loop) => {
    const clients = beginConnects(addressOf(loop), 2);
    await until(() => loop.stats().waiting === 2, 'both wait');
    await sleep(20);
    loop.removeAllListeners();
    const taken: Connection[] = [];
    loop.on('connection', (connection) => taken.push(connection));
    await until(() => taken.length === 2, 'both were emitted');
    closeAll([...clients, ...taken]);
  });
});

test(
  'accept, toSocket: the connection becomes a net.Socket that speaks with the client',
  { skip },
  async () => {
    await withLoop(LOCAL, {}, async (loop) => {
      const client = beginConnect(addressOf(loop));
      const socket = (await loop.accept()).toSocket();
      c.send(client, Buffer.from('ping'));
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      assert.equal(chunk.toString(), 'ping');
      assert.equal(socket.remotePort, (c.getsockname(client) as { port: number }).port);
      socket.destroy();
      closeAll([client]);
    });
  },
);

test(
  'listeners: the list of what it accepts from, and still what an EventEmitter has',
  { skip },
  async () => {
    const both = [listen(LOCAL), listen({ path: '\0listenq-loop-list' })];
    await withLoop(both, {}, (loop) => {
      assert.equal(loop.listeners.length, 2);
      assert.deepEqual([...loop.listeners], both);
      assert.deepEqual(
        loop.listeners.map((listener) => listener.fd),
        both.map((listener) => listener.fd),
      );
      assert.equal(loop.listeners[1], both[1]);
      assert.match(inspect(loop.listeners), /^\[\s+Listener \{ .*127\.0\.0\.1/);
      const hear = (): undefined => undefined;
      loop.on('shortage', hear);
      assert.deepEqual(loop.listeners('shortage'), [hear]);
      assert.deepEqual(getEventListeners(loop, 'shortage'), [hear]);
    });
  },
);

test(
  'acceptLoop: a Listener that was given is the one in the list, and closed with the loop',
  { skip },
  async () => {
    const listener = listen(LOCAL);
    const loop = acceptLoop(listener);
    assert.ok(loop instanceof AcceptLoop);
    assert.equal(listenerOf(loop), listener);
    await loop.close();
    assert.deepEqual([listener.closed, loop.closed], [true, true]);
  },
);

test('new AcceptLoop: is refused, with the way to make one', () => {
  const Made = AcceptLoop as unknown as new () => unknown;
  assert.throws(() => new Made(), {
    code: 'ERR_ILLEGAL_CONSTRUCTOR',
    message: /acceptLoop\(source, options\)/,
  });
});
