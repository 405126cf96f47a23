import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listen, type ListenerHandle } from 'listenq';
import type { Package, Syscalls } from '../support/child';
import { openDescriptors, privateNetwork } from '../support/machine';
import { beginConnect, closeAll, portOf, targetOf } from '../support/sockets';
import { inWorker, type WorkerTools } from '../support/worker';

const skip = privateNetwork();

/** From the issue: a worker that blocks ends within this. */
const BOUND_MS = 1000;

interface Place {
  handle: ListenerHandle;
  port: number;
}

type Body = (q: Package, s: Syscalls, place: never, tools: WorkerTools) => unknown;

/** A worker says 'ready', and the very next call is the one that blocks. */
const BLOCKED: Record<string, Body> = {
  'accept()': (q, _, { handle }: Place, { say }) => {
    const listener = q.Listener.from(handle);
    say('ready');
    listener.accept();
  },
  'accept({ timeoutMs })': (q, _, { handle }: Place, { say }) => {
    const listener = q.Listener.from(handle);
    say('ready');
    listener.accept({ timeoutMs: 600_000 });
  },
  'acceptMany()': (q, _, { handle }: Place, { say }) => {
    const listener = q.Listener.from(handle);
    say('ready');
    listener.acceptMany(5);
  },
  'for-of, which takes again what throws': (q, _, { handle }: Place, { say }) => {
    say('ready');
    for (const connection of q.Listener.from(handle)) connection.close();
  },
  'accept() on a listener of its own': (q, _, __, { say }) => {
    const listener = q.listen({ host: '127.0.0.1' });
    const path = q.listen({ path: '\0listenq-terminated' });
    say('ready');
    if (path.fd > 0) listener.accept();
  },
  'recv()': (q, _, { port }: Place, { say }) => {
    const connection = q.connect({ host: '127.0.0.1', port });
    say('ready');
    connection.recv(10);
  },
  'recvExactly()': (q, s, _, { say }) => {
    const [a, b] = s.socketpair(s.AF_UNIX, s.SOCK_STREAM);
    const [one, other] = [q.Connection.from(a), q.Connection.from(b)];
    other.sendAll('part');
    say('ready');
    one.recvExactly(10);
  },
  'sendAll()': (q, s, _, { say }) => {
    const [a, b] = s.socketpair(s.AF_UNIX, s.SOCK_STREAM);
    const [one, other] = [q.Connection.from(a), q.Connection.from(b)];
    say('ready');
    if (other.fd > 0) one.sendAll(Buffer.alloc(10_000_000));
  },
  'connect() to a full Unix-domain queue': (q, _, __, { say }) => {
    const listener = q.listen({ path: '\0listenq-terminated-full', backlog: 0 });
    const first = q.connect({ path: '\0listenq-terminated-full' });
    say('ready');
    if (listener.fd > 0 && first.fd > 0) q.connect({ path: '\0listenq-terminated-full' });
  },
  'connect() to a full TCP queue': (q, _, __, { say }) => {
    const listener = q.listen({ host: '127.0.0.1', backlog: 0 });
    const { port } = listener.address() as { port: number };
    const first = q.connect({ host: '127.0.0.1', port });
    say('ready');
    if (first.fd > 0) q.connect({ host: '127.0.0.1', port });
  },
};

function openTargets(): string[] {
  return openDescriptors()
    .map(targetOf)
    .filter((target) => target.startsWith('socket:') || target.includes('eventfd'));
}

/** What a worker of Node itself leaves open is gone a little later: wait for it, with an end. */
async function settled(before: string[]): Promise<string[]> {
  for (let i = 0; i < 100 && openTargets().length > before.length; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return openTargets();
}

test('terminate: a first worker, for what Node opens once', { skip }, async () => {
  const worker = inWorker((q) => q.listen({ host: '127.0.0.1' }).close());
  await worker.ended;
});

for (const [name, body] of Object.entries(BLOCKED)) {
  test(
    `terminate: a worker that blocks in ${name} ends within 1 s, and leaves no descriptor`,
    { skip },
    async () => {
      const listener = listen({ host: '127.0.0.1' });
      // For the worker that connects: a listener of its own, as the shared one must stay empty.
      const server = listen({ host: '127.0.0.1' });
      const before = openTargets();
      const blocked = inWorker(body, { handle: listener.share(), port: portOf(server.address()) });
      assert.equal(await blocked.heard(), 'ready');
      await new Promise((resolve) => setTimeout(resolve, 120));
      const start = performance.now();
      await blocked.worker.terminate();
      const took = performance.now() - start;
      assert.ok(took < BOUND_MS, `it took ${took} ms`);
      server.acceptMany(5, { timeoutMs: 0 }).forEach((connection) => {
        assert.equal(
          connection.recv(1, { timeoutMs: 5000 }).length,
          0,
          'the end of the worker is end of stream',
        );
        connection.close();
      });
      assert.deepEqual((await settled(before)).sort(), before.sort());
      // The listener that was shared goes on.
      const client = beginConnect(listener.address());
      closeAll([listener.accept({ timeoutMs: 5000 }), client, listener, server]);
    },
  );
}

test('terminate: four blocked workers on one listener, and a fifth that takes over', { skip }, async () => {
  const listener = listen({ host: '127.0.0.1' });
  const handle = listener.share();
  const body: Body = (q, _, given: ListenerHandle, { say }) => {
    const copy = q.Listener.from(given);
    say('ready');
    const connection = copy.accept();
    connection.sendAll('served');
    connection.close();
    copy.release();
  };
  const blocked = Array.from({ length: 4 }, () => inWorker(body, handle));
  for (const worker of blocked) await worker.heard();
  const start = performance.now();
  await Promise.all(blocked.map(({ worker }) => worker.terminate()));
  assert.ok(performance.now() - start < BOUND_MS);
  const fifth = inWorker(body, handle);
  assert.equal(await fifth.heard(), 'ready');
  const client = beginConnect(listener.address());
  await fifth.ended;
  closeAll([client, listener]);
});

test('terminate: the listener of a terminated worker frees its port', { skip }, async () => {
  const worker = inWorker((q, _, __, { say }) => {
    const listener = q.listen({ host: '127.0.0.1', port: 9321 });
    say('ready');
    listener.accept();
  });
  await worker.heard();
  assert.throws(() => listen({ host: '127.0.0.1', port: 9321 }), { code: 'EADDRINUSE' });
  await worker.worker.terminate();
  listen({ host: '127.0.0.1', port: 9321 }).close();
});

test('terminate: at any moment while a worker loads the package and begins to use it', { skip }, async () => {
  const before = openTargets();
  const body: Body = (q, _, port: number) => {
    for (;;) {
      const connection = q.connect({ host: '127.0.0.1', port });
      try {
        connection.recv(1, { timeoutMs: 1 });
      } catch {
        connection.close();
      }
    }
  };
  const listener = listen({ host: '127.0.0.1', backlog: 4096 });
  for (let i = 0; i < 30; i++) {
    const worker = inWorker(body, portOf(listener.address()));
    await new Promise((resolve) => setTimeout(resolve, 5 + 3 * i));
    await worker.worker.terminate();
    closeAll(listener.acceptMany(1000, { timeoutMs: 0 }));
  }
  listener.close();
  assert.deepEqual((await settled(before)).sort(), before.sort());
});

const LISTING: Record<string, Body> = {
  'listeners()': (_, __, ___, { say }) => {
    const { listeners } = require('listenq/kernel') as typeof import('listenq/kernel');
    say('ready');
    for (;;) listeners({ synLength: true });
  },
  'queueOf() and its synLength': (q, _, __, { say }) => {
    const { queueOf } = require('listenq/kernel') as typeof import('listenq/kernel');
    const listener = q.listen({ host: '127.0.0.1' });
    say('ready');
    for (;;) if ((queueOf(listener).synLength ?? 0) > 0) return;
  },
};

for (const [call, body] of Object.entries(LISTING)) {
  test(
    `terminate: a worker that calls ${call} over and over ends, and leaves nothing open`,
    { skip },
    async () => {
      const many = Array.from({ length: 300 }, (_, i) =>
        listen(i % 3 === 0 ? { path: `\0listenq-listed-${i}` } : { host: '127.0.0.1' }),
      );
      const before = openDescriptors();
      for (let round = 0; round < 20; round++) {
        const { worker, heard, ended } = inWorker(body);
        await heard();
        // Wherever in the call it is then.
        await new Promise((resolve) => setTimeout(resolve, round));
        await worker.terminate();
        await ended;
      }
      assert.deepEqual(openDescriptors(), before);
      closeAll(many);
    },
  );
}
