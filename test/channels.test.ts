import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import * as net from 'node:net';
import { test } from 'node:test';
import {
  acceptLoop,
  listen,
  type AcceptMessage,
  type CloseMessage,
  type ListenMessage,
  type OverflowMessage,
  type RefuseMessage,
  type ShortageMessage,
} from 'listenq';
import { watchQueue } from 'listenq/kernel';
import { acceptLoopOf, createServer } from 'listenq/server';
import * as c from 'listenq/syscalls';
import { blockUntil } from './accept-loop/support';
import { openDescriptors, openedSince, privateNetwork } from './support/machine';
import { beginConnects, closeAll, portOf } from './support/sockets';
import { until } from './support/until';
import { inWorker } from './support/worker';

const skip = privateNetwork();
const LOCAL = { host: '127.0.0.1', backlog: 5 };

interface Messages {
  listen: ListenMessage;
  accept: AcceptMessage;
  refuse: RefuseMessage;
  shortage: ShortageMessage;
  overflow: OverflowMessage;
  close: CloseMessage;
}

/** What is published on a channel while `use` runs. */
async function heard<Name extends keyof Messages>(
  name: Name,
  use: (messages: Messages[Name][]) => void | Promise<void>,
): Promise<Messages[Name][]> {
  const messages: Messages[Name][] = [];
  const hear = (message: unknown): number => messages.push(message as Messages[Name]);
  subscribe(`listenq.${name}`, hear);
  try {
    await use(messages);
  } finally {
    unsubscribe(`listenq.${name}`, hear);
  }
  return messages;
}

test('listenq.listen: each listen(2), with the backlog that reached it', { skip }, async () => {
  const messages = await heard('listen', () => {
    using listener = listen({ ...LOCAL, backlog: 0 });
    listener.setBacklog(-1);
  });
  assert.deepEqual(
    messages.map(({ backlog }) => backlog),
    [0, -1],
  );
  assert.equal(messages[0]?.source, messages[1]?.source);
});

test('listenq.listen: of a server of listenq/server', { skip }, async () => {
  const server = createServer();
  const messages = await heard('listen', async () => {
    server.listen(0, '127.0.0.1', 7);
    await once(server, 'listening');
  });
  assert.deepEqual(
    messages.map(({ source, backlog }) => [portOf(source.address()), backlog]),
    [[(server.address() as net.AddressInfo).port, 7]],
  );
  server.close();
});

test('listenq.accept: of a Listener, one by one and by batches', { skip }, async () => {
  using listener = listen(LOCAL);
  const clients = beginConnects(listener.address(), 4);
  const ports = clients.map((fd) => portOf(c.getsockname(fd)));
  const taken: unknown[] = [];
  const messages = await heard('accept', () => {
    taken.push(listener.accept(), listener.tryAccept(), ...listener.acceptMany(9));
  });
  assert.deepEqual(
    messages.map(({ source, connection, waitedMs }) => [source === listener, connection, waitedMs]),
    taken.map((connection) => [true, connection, undefined]),
  );
  assert.deepEqual(
    messages.map(({ remoteAddress, fd, connection }) => [portOf(remoteAddress), fd === connection?.fd]),
    ports.map((port) => [port, true]),
  );
  closeAll([...clients, ...(taken as { close: () => void }[])]);
});

test(
  'listenq.accept: of an accept loop, with the time that it waited, before the program has it',
  { skip },
  async () => {
    const loop = acceptLoop(LOCAL);
    const order: string[] = [];
    const messages = await heard('accept', async (heardSoFar) => {
      const [client] = beginConnects(loop.listeners[0]?.address() ?? assert.fail(), 1);
      await until(() => loop.stats().waiting === 1, 'it waits');
      await new Promise((resolve) => setTimeout(resolve, 30));
      loop.on('connection', (connection) => {
        order.push(`connection after ${heardSoFar.length} message`);
        connection.close();
      });
      await until(() => order.length === 1, 'it is handed out');
      c.close(client as number);
    });
    assert.deepEqual(order, ['connection after 1 message']);
    const [{ source, connection, waitedMs } = assert.fail()] = messages;
    assert.equal(source, loop);
    assert.ok(connection);
    assert.equal(Math.floor(waitedMs ?? -1), loop.stats().longestWaitMs);
    assert.ok((waitedMs ?? 0) > 0);
    await loop.close();
  },
);

test('listenq.accept: of a server, the descriptor that its socket is made of', { skip }, async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const messages = await heard('accept', async () => {
    const client = net.connect(port, '127.0.0.1');
    const [socket] = (await once(server, 'connection')) as [net.Socket];
    assert.equal(socket.remotePort, client.localPort);
    client.destroy();
    socket.destroy();
  });
  assert.deepEqual(
    messages.map(({ source, connection }) => [source, connection]),
    [[acceptLoopOf(server), undefined]],
  );
  assert.ok((messages[0]?.fd ?? -1) >= 0);
  server.close();
});

test('listenq.accept: in the thread in which it happens', { skip }, async () => {
  const here = await heard('accept', async () => {
    const { heard: said } = inWorker((q, _, __, { say }) => {
      const { subscribe: subscribeThere } =
        require('node:diagnostics_channel') as typeof import('node:diagnostics_channel');
      let count = 0;
      subscribeThere('listenq.accept', () => count++);
      const listener = q.listen({ host: '127.0.0.1' });
      const client = q.connect({ port: (listener.address() as { port: number }).port, host: '127.0.0.1' });
      listener.accept().close();
      client.close();
      listener.close();
      say(count);
    });
    assert.equal(await said(), 1);
  });
  assert.deepEqual(here, []);
});

test('listenq.refuse: how many, and by which option', { skip }, async () => {
  const loop = acceptLoop(LOCAL, { overload: 'reset', maxWaiting: 1 });
  const messages = await heard('refuse', async (soFar) => {
    const clients = beginConnects(loop.listeners[0]?.address() ?? assert.fail(), 3);
    const count = (): number => soFar.reduce((sum, message) => sum + message.count, 0);
    await until(() => count() === 2, 'two were refused');
    clients.push(...beginConnects(loop.listeners[0]?.address() ?? assert.fail(), 1));
    await until(() => count() === 3, 'and one more');
    closeAll(clients);
  });
  for (const { source, cause } of messages) assert.deepEqual([source, cause], [loop, 'maxWaiting']);
  assert.equal(loop.stats().refused.maxWaiting, 3);
  await loop.close();
});

test('listenq.overflow: SYNs that a loop whose bound is reached lets the kernel drop', { skip }, async () => {
  const loop = acceptLoop({ ...LOCAL, backlog: 1 }, { highWaterMark: 1 });
  const listener = loop.listeners[0] ?? assert.fail();
  const messages = await heard('overflow', async (soFar) => {
    const clients = beginConnects(listener.address(), 1);
    await until(() => loop.stats().waiting === 1, 'one waits here');
    clients.push(...beginConnects(listener.address(), 4));
    assert.ok((listener.queue().drops ?? 0) >= 2);
    (await loop.accept()).close();
    await until(() => soFar.length > 0, 'the thread has looked');
    closeAll(clients);
  });
  const drops = messages.reduce((sum, message) => sum + message.drops, 0);
  assert.ok(drops >= 2 && drops <= (listener.queue().drops ?? 0), String(drops));
  assert.equal(messages[0]?.source, loop);
  assert.ok(loop.stats().drops >= 2);
  await loop.close();
});

test('listenq.overflow: of a queue that is watched', { skip }, async () => {
  using listener = listen({ ...LOCAL, backlog: 0 });
  using watch = watchQueue(listener, { intervalMs: 1 });
  const messages = await heard('overflow', async (soFar) => {
    const clients = beginConnects(listener.address(), 3);
    await until(() => soFar.length > 0, 'it was looked at');
    closeAll(clients);
  });
  assert.equal(messages[0]?.source, listener);
  assert.ok(messages.some(({ drops }) => drops >= 1));
  assert.ok((watch.reading.drops ?? 0) >= 2);
});

test('listenq.shortage: of a Listener that accepts, and of a loop', { skip }, async () => {
  const before = c.getrlimit(c.RLIMIT_NOFILE);
  using listener = listen(LOCAL);
  const loop = acceptLoop(LOCAL).on('shortage', () => undefined);
  const looped = loop.listeners[0] ?? assert.fail();
  const clients = [...beginConnects(listener.address(), 1), ...beginConnects(looped.address(), 1)];
  // The thread is there.
  (await loop.accept()).close();
  const late = c.socket(c.AF_INET, c.SOCK_STREAM | c.SOCK_CLOEXEC);
  const messages = await heard('shortage', async (soFar) => {
    // No number is free below the limit, which counts numbers and not files.
    c.setrlimit(c.RLIMIT_NOFILE, { soft: 3, hard: before.hard });
    try {
      assert.throws(() => listener.accept(), { code: 'EMFILE' });
      c.connect(late, looped.address());
      await until(() => soFar.length === 2, 'the loop has met it too');
    } finally {
      c.setrlimit(c.RLIMIT_NOFILE, before);
    }
    (await loop.accept()).close();
  });
  assert.deepEqual(
    messages.map(({ source, error }) => [source, error.code]),
    [
      [listener, 'EMFILE'],
      [loop, 'EMFILE'],
    ],
  );
  closeAll([...clients, late]);
  await loop.close();
});

test('listenq.close: of a Listener with the place where it was, of a loop, and once', { skip }, async () => {
  const listener = listen(LOCAL);
  const address = listener.address();
  const loop = acceptLoop(LOCAL);
  const messages = await heard('close', async () => {
    listener.close();
    listener.close();
    await loop.close();
    await loop.close();
  });
  assert.deepEqual(
    messages.map(({ source, address: where }) => [source, where && portOf(where)]),
    [
      [listener, portOf(address)],
      [loop.listeners[0], portOf(messages[1]?.address ?? assert.fail())],
      [loop, undefined],
    ],
  );
});

test(
  'channels: a subscriber that throws is an uncaughtException, and nothing else falters',
  { skip },
  async () => {
    const uncaught: unknown[] = [];
    const catchIt = (error: unknown): number => uncaught.push(error);
    // The runner's own would fail the test.
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', catchIt);
    const fail = (): never => {
      throw new Error('of a subscriber');
    };
    subscribe('listenq.listen', fail);
    try {
      const listener = listen(LOCAL);
      listener.close();
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      unsubscribe('listenq.listen', fail);
      process.off('uncaughtException', catchIt);
      for (const other of others) process.on('uncaughtException', other);
    }
    assert.deepEqual(
      uncaught.map((error) => (error as Error).message),
      ['of a subscriber'],
    );
  },
);

test('channels: a subscriber to refuse that closes the loop: accept() rejects', { skip }, async () => {
  const before = openDescriptors();
  const loop = acceptLoop(LOCAL, { overload: 'reset', maxWaiting: 0 });
  const listener = loop.listeners[0] ?? assert.fail();
  await heard('refuse', async () => {
    const close = (): void => void loop.close();
    subscribe('listenq.refuse', close);
    const [first] = beginConnects(listener.address(), 1);
    // The news waits for this thread until it asks.
    blockUntil(() => loop.stats().refused.maxWaiting === 1, 'the thread has refused it');
    await assert.rejects(loop.accept(), { code: 'ERR_LISTENER_CLOSED' });
    unsubscribe('listenq.refuse', close);
    c.close(first as number);
  });
  await loop.close();
  assert.deepEqual(openedSince(before), []);
});

test(
  'channels: a subscriber to accept that closes the loop: the caller is told, and nothing stays open',
  { skip },
  async () => {
    const before = openDescriptors();
    const loop = acceptLoop(LOCAL);
    const listener = loop.listeners[0] ?? assert.fail();
    const close = (): void => void loop.close();
    subscribe('listenq.accept', close);
    try {
      const asked = loop.accept();
      const [client] = beginConnects(listener.address(), 1);
      await assert.rejects(asked, { code: 'ERR_LISTENER_CLOSED' });
      await loop.close();
      c.close(client as number);
    } finally {
      unsubscribe('listenq.accept', close);
    }
    assert.deepEqual(openedSince(before), []);
  },
);

test('listenq.close: two threads close one listener, and neither call throws', { skip }, async () => {
  await heard('close', async () => {
    const {
      worker,
      heard: said,
      ended,
    } = inWorker((q, _, __, { say }) => {
      const { parentPort } = require('node:worker_threads') as typeof import('node:worker_threads');
      parentPort?.on('message', (handle: import('listenq').ListenerHandle | null) => {
        if (handle === null) {
          parentPort.close();
          return;
        }
        const mine = q.Listener.from(handle);
        say('has it');
        mine.close();
      });
      say('ready');
    });
    assert.equal(await said(), 'ready');
    for (let i = 0; i < 300; i++) {
      const listener = listen(LOCAL);
      worker.postMessage(listener.share());
      assert.equal(await said(), 'has it');
      listener.close();
    }
    worker.postMessage(null);
    await ended;
  });
});
