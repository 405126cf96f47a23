import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { acceptLoop, listen, type AcceptLoop, type AcceptLoopOptions } from 'listenq';
import * as c from 'listenq/syscalls';
import { inChild } from '../support/child';
import { anyOf, needsTool, openDescriptors, privateNetwork } from '../support/machine';
import { startPython } from '../support/python';
import { beginConnect, beginConnects, closeAll, portOf } from '../support/sockets';
import { until } from '../support/until';
import { addressOf, fateOf, refuses, sleep } from './support';

const skip = privateNetwork();
const LOCAL = { host: '127.0.0.1', backlog: 200 };
const SERVED = { text: 'served', then: 'end' };

function serve(loop: AcceptLoop): void {
  loop.on('connection', (connection) => {
    connection.sendAll('served');
    connection.close();
  });
}

const STATES: Record<string, [AcceptLoopOptions, paused: boolean]> = {
  'highWaterMark 0': [{ highWaterMark: 0 }, false],
  'highWaterMark 3': [{ highWaterMark: 3 }, false],
  'that is paused': [{}, true],
  'that is paused, highWaterMark 0': [{ highWaterMark: 0 }, true],
  'that sheds': [{ overload: 'reset', maxWaitMs: 1000, maxWaiting: 1 }, true],
};

for (const [name, [options, paused]] of Object.entries(STATES)) {
  for (const way of ["'connection'", 'for await', 'accept()'] as const) {
    test(
      `close({ drain: true }): a loop ${name}, taken by ${way}: everybody who had connected is served`,
      { skip },
      async () => {
        const before = openDescriptors();
        const loop = acceptLoop(LOCAL, options);
        if (paused) loop.pause();
        const clients = beginConnects(addressOf(loop), 100);
        const taking = take(loop, way, 100);
        const start = performance.now();
        const report = await loop.close({ drain: true, timeoutMs: 20_000 });
        assert.ok(
          performance.now() - start < 10_000,
          'it ends when the last one is taken, not when time is up',
        );
        await taking;
        assert.deepEqual(report, { untaken: 0 });
        assert.deepEqual(
          clients.map((client) => fateOf(client)),
          Array(100).fill(SERVED),
        );
        assert.equal(loop.stats().delivered, 100);
        closeAll(clients);
        assert.deepEqual(openDescriptors(), before);
      },
    );
  }
}

async function take(loop: AcceptLoop, way: string, count: number): Promise<void> {
  if (way === "'connection'") {
    serve(loop);
    return;
  }
  const calls = (async function* () {
    for (let i = 0; i < count; i++) yield await loop.accept();
  })();
  for await (const connection of way === 'for await' ? loop : calls) {
    connection.sendAll('served');
    connection.close();
  }
}

test('close({ drain: true }): AF_UNIX and several listeners', { skip }, async () => {
  const listeners = [
    listen(LOCAL),
    listen({ path: '\0listenq-drain', backlog: 50 }),
    listen({ host: '::1' }),
  ];
  const loop = acceptLoop(listeners, { highWaterMark: 2 });
  const clients = listeners.flatMap((listener) => beginConnects(listener.address(), 20));
  serve(loop);
  assert.deepEqual(await loop.close({ drain: true }), { untaken: 0 });
  assert.deepEqual(
    clients.map((client) => fateOf(client)),
    Array(60).fill(SERVED),
  );
  closeAll(clients);
});

test('close({ drain: true }): with nobody to serve, ends at once', { skip }, async () => {
  const loop = acceptLoop(LOCAL);
  assert.deepEqual(await loop.close({ drain: true, timeoutMs: Infinity }), { untaken: 0 });
});

test('close({ drain: true }): nobody takes: ends when time is up, and tells untaken', { skip }, async () => {
  const loop = acceptLoop(LOCAL, { highWaterMark: 0 });
  const clients = beginConnects(addressOf(loop), 5);
  const start = performance.now();
  assert.deepEqual(await loop.close({ drain: true, timeoutMs: 250 }), { untaken: 5 });
  assert.ok(performance.now() - start >= 249);
  assert.deepEqual(
    clients.map((client) => fateOf(client).then),
    Array(5).fill('end'),
  );
  closeAll(clients);
});

test('close({ drain: true }): the last one taken by accept() ends it', { skip }, async () => {
  const loop = acceptLoop(LOCAL);
  const client = beginConnect(addressOf(loop));
  await until(() => loop.stats().waiting === 1, 'one waits');
  const closed = loop.close({ drain: true, timeoutMs: 30_000 });
  // The thread has ended by then, and nobody asks again afterwards.
  await sleep(400);
  (await loop.accept()).close();
  const winner = await Promise.race([closed, sleep(5000).then(() => 'still open')]);
  assert.deepEqual(winner, { untaken: 0 });
  c.close(client);
});

test('close() hurries a drain, and both tell the same', { skip }, async () => {
  const loop = acceptLoop(LOCAL);
  const clients = beginConnects(addressOf(loop), 3);
  const drained = loop.close({ drain: true, timeoutMs: Infinity });
  await until(() => loop.stats().waiting === 3, 'all were accepted');
  const report = await loop.close();
  assert.deepEqual([report, await drained], [{ untaken: 3 }, { untaken: 3 }]);
  closeAll(clients);
});

test(
  'close({ drain: true }): accept() waits on until nothing can come, then is rejected',
  { skip },
  async () => {
    const loop = acceptLoop(LOCAL);
    const client = beginConnect(addressOf(loop));
    const calls = [loop.accept(), loop.accept()] as const;
    const rejected = assert.rejects(calls[1], { code: 'ERR_LISTENER_CLOSED' });
    await loop.close({ drain: true });
    closeAll([await calls[0], client]);
    await rejected;
  },
);

test('close({ drain: true }): a listener whose port takes no more clients afterwards', { skip }, async () => {
  const loop = acceptLoop(LOCAL);
  const to = addressOf(loop);
  serve(loop);
  const closed = once(loop, 'close');
  await loop.close({ drain: true });
  await closed;
  assert.ok(refuses(to), 'nobody listens any more');
});

test('close({ drain: true }) under EMFILE: waits for descriptors, and serves everybody', { skip }, () => {
  const { result } = inChild(async (q, s) => {
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    const loop = q.acceptLoop({ host: '127.0.0.1', backlog: 50 });
    const { port } = (loop.listeners[0] as import('listenq').Listener).address() as { port: number };
    // The thread has started: without descriptors it could not.
    const first = q.connect({ host: '127.0.0.1', port });
    (await loop.accept()).close();
    first.close();
    loop.pause();
    await sleep(20);
    const clients = Array.from({ length: 6 }, () => q.connect({ host: '127.0.0.1', port }));
    const codes: string[] = [];
    loop.on('shortage', ({ code }) => codes.push(code));
    loop.on('connection', (connection) => {
      connection.sendAll('served');
      connection.close();
    });
    const free = s.socket(s.AF_INET, s.SOCK_STREAM);
    s.close(free);
    const { soft, hard } = s.getrlimit(s.RLIMIT_NOFILE);
    s.setrlimit(s.RLIMIT_NOFILE, { soft: free, hard });
    const closed = loop.close({ drain: true });
    await sleep(300);
    s.setrlimit(s.RLIMIT_NOFILE, { soft, hard });
    const report = await closed;
    const texts = clients.map((client) => client.recvExactly(6).toString());
    return { codes, report, texts: [...new Set(texts)] };
  });
  assert.deepEqual(result, { codes: ['EMFILE'], report: { untaken: 0 }, texts: ['served'] });
});

const RESTARTED = `
import socket, sys, time
to = ('127.0.0.1', int(sys.argv[1]))
lost = 0
for i in range(1500):
    s = socket.create_connection(to, timeout=20)
    try:
        if s.recv(100) != b'served': lost += 1
    except OSError:
        lost += 1
    s.close()
print(lost)
`;

test(
  'close({ drain: true }): a restart under load on one port resets no client that had connected',
  { skip: anyOf(skip, needsTool('python3')) },
  async () => {
    const options = { ...LOCAL, reusePort: true };
    let loop = acceptLoop(options);
    serve(loop);
    const port = portOf(addressOf(loop));
    const peer = startPython(RESTARTED, port);
    for (let restarts = 0; restarts < 3; restarts++) {
      const next = acceptLoop({ ...options, port });
      serve(next);
      await sleep(150);
      assert.deepEqual(await loop.close({ drain: true }), { untaken: 0 });
      loop = next;
    }
    assert.equal(await peer.output, '0');
    await loop.close();
  },
);
