import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptLoop, listen, Listener, type Connection } from 'listenq';
import * as c from 'listenq/syscalls';
import { privateNetwork } from '../support/machine';
import { queueOfDescriptor } from '../support/queue';
import { beginConnect, beginConnects, closeAll, isConnected } from '../support/sockets';
import { until } from '../support/until';
import { addressOf, listenerOf, refuses, sleep, withLoop } from './support';

const skip = privateNetwork();
const LOCAL = { host: '127.0.0.1' };

function four(): [Listener, Listener, Listener, Listener] {
  return [
    listen({ ...LOCAL, backlog: 50 }),
    listen({ host: '::1', backlog: 50 }),
    listen({ path: '\0listenq-several', backlog: 50 }),
    listen({ ...LOCAL, backlog: 50 }),
  ];
}

test(
  'several listeners: IPv4, IPv6 and AF_UNIX, each gets its share while all are full',
  { skip },
  async () => {
    const listeners = four();
    await withLoop(listeners, { highWaterMark: 4 }, async (loop) => {
      const clients = listeners.flatMap((listener) => beginConnects(listener.address(), 20));
      const seen = new Map<string, number>();
      for (let i = 0; i < 40; i++) {
        const connection = await loop.accept();
        const local = JSON.stringify(connection.localAddress);
        seen.set(local, (seen.get(local) ?? 0) + 1);
        connection.close();
      }
      assert.equal(seen.size, 4, 'nobody is starved');
      for (let i = 0; i < 40; i++) (await loop.accept()).close();
      assert.equal(loop.stats().accepted, 80);
      closeAll(clients);
    });
  },
);

test('several listeners: the oldest comes first, whichever it came from', { skip }, async () => {
  const [first, second] = [listen(LOCAL), listen({ host: '::1' })];
  await withLoop([second, first], {}, async (loop) => {
    loop.pause();
    await sleep(20);
    const old = beginConnect(first.address());
    await sleep(50);
    const young = beginConnect(second.address());
    loop.resume();
    await until(() => loop.stats().waiting === 2, 'both wait');
    const taken = [await loop.accept(), await loop.accept()];
    assert.deepEqual(
      taken.map((connection) => connection.remoteAddress),
      [c.getsockname(old), c.getsockname(young)],
    );
    closeAll([old, young, ...taken]);
  });
});

test(
  'several listeners: one that is closed leaves the others; when all are, the loop ends',
  { skip },
  async () => {
    const listeners = four();
    const loop = acceptLoop(listeners);
    const ended = (async () => {
      for await (const connection of loop) connection.close();
    })();
    let expected = 0;
    for (let closed = 0; closed < 3; closed++) {
      for (const listener of listeners.slice(closed)) {
        const client = beginConnect(listener.address());
        expected++;
        await until(() => loop.stats().delivered === expected, 'those that are open are served');
        c.close(client);
      }
      listeners[closed]?.close();
      assert.equal(loop.closed, false);
    }
    const untaken = new Promise((resolve) => loop.once('close', resolve));
    listeners[3].close();
    await ended;
    assert.deepEqual(await untaken, { untaken: 0 });
    assert.equal(loop.closed, true);
  },
);

test('several listeners: two objects of one socket', { skip }, async () => {
  const listener = listen(LOCAL);
  const copy = Listener.from(listener.share());
  await withLoop([listener, copy], {}, async (loop) => {
    const clients = beginConnects(listener.address(), 10);
    const taken: Connection[] = [];
    while (taken.length < 10) taken.push(await loop.accept());
    closeAll([...clients, ...taken]);
  });
  assert.deepEqual([listener.closed, copy.closed], [true, true]);
});

test('several loops on one socket: each connection comes once', { skip }, async () => {
  const listener = listen({ ...LOCAL, backlog: 200 });
  const copies = [listener, Listener.from(listener.share())];
  const loops = copies.map((copy) => acceptLoop(copy));
  const ports: number[] = [];
  for (const loop of loops) {
    loop.on('connection', (connection) => {
      ports.push((connection.remoteAddress as { port: number }).port);
      connection.close();
    });
  }
  const clients = beginConnects(listener.address(), 100);
  await until(() => ports.length === 100, 'all were taken');
  assert.deepEqual(
    ports.sort(),
    clients.map((client) => (c.getsockname(client) as { port: number }).port).sort(),
  );
  await Promise.all(loops.map((loop) => loop.close()));
  closeAll(clients);
});

test(
  'setBacklog: changes the living queue while the loop runs, for each listener that is open',
  { skip },
  async () => {
    const listeners = four();
    await withLoop(listeners, { highWaterMark: 0 }, async (loop) => {
      loop.setBacklog(2);
      assert.deepEqual(
        listeners.map((listener) => [listener.backlog, listener.queue().limit]),
        Array(4).fill([2, 2]),
      );
      const clients = beginConnects(listeners[0].address(), 3);
      const waiter = beginConnect(listeners[0].address());
      await sleep(20);
      assert.deepEqual([...clients, waiter].map(isConnected), [true, true, true, false]);
      listeners[1].close();
      loop.setBacklog(7);
      assert.deepEqual(
        [0, 2, 3].map((index) => listenerOf(loop, index).queue().limit),
        [7, 7, 7],
      );
      assert.equal(queueOfDescriptor(listeners[0].fd).limit, 7);
      assert.equal(listeners[0].queue().length, 3, 'nobody who waited is dropped');
      for (let i = 0; i < 3; i++) (await loop.accept()).close();
      closeAll([...clients, waiter]);
    });
  },
);

for (const backlog of [0, -1, 65536, 2147483647]) {
  test(`setBacklog(${backlog}): reaches the kernel as asked`, { skip }, async () => {
    await withLoop({ ...LOCAL, backlog: 9 }, {}, async (loop) => {
      loop.setBacklog(backlog);
      const listener = listenerOf(loop);
      const own = listen({ ...LOCAL, backlog });
      assert.deepEqual([listener.backlog, listener.queue().limit], [backlog, own.queue().limit]);
      own.close();
      const client = beginConnect(addressOf(loop));
      closeAll([await loop.accept(), client]);
    });
  });
}

for (const how of ['release', 'detach'] as const) {
  test(`Listener.${how}: the loop goes on with its own copy, and close() ends it`, { skip }, async () => {
    const listener = listen(LOCAL);
    const to = listener.address();
    const loop = acceptLoop(listener);
    closeAll([beginConnect(to), await loop.accept()]);
    let fd: number | undefined;
    if (how === 'detach') fd = listener.detach();
    else listener.release();
    const client = beginConnect(to);
    closeAll([await loop.accept(), client]);
    await loop.close();
    if (fd !== undefined) {
      // Given away: it is its owner's to close.
      const last = beginConnect(to);
      closeAll([c.accept(fd).fd, last, fd]);
    }
    assert.ok(refuses(to), 'nobody listens any more');
  });
}

for (const [family, source] of Object.entries({ TCP: LOCAL, AF_UNIX: { path: '\0listenq-shut' } })) {
  test(
    `${family} listener that somebody shuts down: 'error' EINVAL, callers are rejected, all is closed`,
    { skip },
    async () => {
      const loop = acceptLoop([listen(source), listen(LOCAL)]);
      const errors: Error[] = [];
      loop.on('error', (error) => errors.push(error));
      const call = assert.rejects(loop.accept(), {
        name: 'SystemCallError',
        code: 'EINVAL',
        syscall: 'accept',
      });
      await sleep(50);
      c.shutdown(listenerOf(loop).fd, c.SHUT_RD);
      await call;
      await until(() => errors.length === 1, "'error' was emitted");
      assert.deepEqual([loop.closed, listenerOf(loop, 1).closed], [true, true]);
      await assert.rejects(loop.accept(), { code: 'EINVAL' });
      await assert.rejects(loop[Symbol.asyncIterator]().next(), { code: 'EINVAL' });
      assert.deepEqual(await loop.close(), { untaken: 0 });
      assert.equal(errors.length, 1);
    },
  );
}
