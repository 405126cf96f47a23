import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import type * as c from 'listenq/syscalls';
import { inChild, lineOf, startChild, type Package, type Syscalls } from '../support/child';
import { openDescriptors, privateNetwork, temporaryFolder } from '../support/machine';
import { beginConnects, closeAll, targetOf } from '../support/sockets';
import { inWorker } from '../support/worker';
import { until } from '../support/until';
import { fateOf, refuses, threads } from './support';

const skip = privateNetwork();
/** From the issue: within this all ends. */
const BOUND_MS = 1000;
/** Far above it and far below "for ever": a child on a crowded machine. */
const HELD_UP_MS = 10_000;

interface How {
  highWaterMark: number;
  end: 'process.exit' | 'throw' | 'SIGTERM' | 'worker' | 'unref';
}

/** A loop with six clients, of whom as many wait in it as may and nobody is taken; then the end. */
async function endWithWaiting(q: Package, _: Syscalls, { highWaterMark, end }: How): Promise<unknown> {
  const { writeSync } = require('node:fs') as typeof import('node:fs');
  const loop = q.acceptLoop({ host: '127.0.0.1', backlog: 50 }, { highWaterMark });
  const { port } = (loop.listeners[0] as import('listenq').Listener).address() as { port: number };
  const kept = Array.from({ length: 6 }, () => q.connect({ host: '127.0.0.1', port }));
  (globalThis as Record<string, unknown>)['kept'] = [kept, loop];
  while (loop.stats().waiting < Math.min(highWaterMark, 6))
    await new Promise((resolve) => setTimeout(resolve, 5));
  writeSync(1, 'ready\n');
  if (end === 'process.exit') process.exit(7);
  if (end === 'unref') loop.unref();
  if (end === 'throw') {
    setImmediate(() => {
      throw new Error('boom');
    });
  }
  return new Promise(() => undefined);
}

const ENDS: [How['end'], code: number | null, signal: string | null][] = [
  ['process.exit', 7, null],
  ['throw', 1, null],
  ['SIGTERM', null, 'SIGTERM'],
  ['unref', 0, null],
];

for (const [end, code, signal] of ENDS) {
  for (const highWaterMark of [100, 2, 0]) {
    test(
      `${end}: ends a process whose loop has connections waiting, highWaterMark ${highWaterMark}`,
      { skip },
      async () => {
        const child = startChild(endWithWaiting, { data: { highWaterMark, end } });
        const ended = once(child, 'exit');
        const late = setTimeout(() => child.kill('SIGKILL'), HELD_UP_MS * 3);
        assert.equal(await lineOf(child), 'ready');
        const start = performance.now();
        if (end === 'SIGTERM') child.kill('SIGTERM');
        assert.deepEqual(await ended, [code, signal]);
        clearTimeout(late);
        assert.ok(performance.now() - start < HELD_UP_MS, `held up for ${performance.now() - start} ms`);
      },
    );
  }
}

test('ref: a loop keeps the process, also again after unref(), until it is closed', { skip }, () => {
  const { result } = inChild(async (q) => {
    const loop = q.acceptLoop({ host: '127.0.0.1' });
    loop.unref();
    loop.ref();
    const exits: string[] = [];
    process.on('exit', () => exits.push('exit'));
    // Nothing else holds the event loop: these are unref'ed.
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 300).unref();
    });
    const before = exits.length;
    await loop.close();
    return before;
  });
  assert.equal(result, 0);
});

test('close: the process ends by itself afterwards', { skip }, () => {
  const { result } = inChild(async (q) => {
    const loop = q.acceptLoop({ host: '127.0.0.1' });
    return loop.close();
  });
  assert.deepEqual(result, { untaken: 0 });
});

/** Sockets and eventfds: Node opens other things when it likes. */
function ownTargets(): string[] {
  return openDescriptors()
    .map(targetOf)
    .filter((target) => target.startsWith('socket:') || target.includes('eventfd'))
    .sort();
}

/** What Node closes a little later than it says is waited for. */
async function nothingLeft(targets: string[], tasks = Infinity): Promise<void> {
  await until(() => ownTargets().length <= targets.length, 'no descriptor is left').catch(() => undefined);
  assert.deepEqual(ownTargets(), targets);
  await until(() => threads() <= tasks, 'no thread is left');
}

test('a first worker with a loop, for what Node opens once', { skip }, async () => {
  await inWorker((q) => void q.acceptLoop({ host: '127.0.0.1' }).close()).ended;
});

test('in a worker: acceptLoop works there, serves, and is closed', { skip }, async () => {
  const [targets, tasks] = [ownTargets(), threads()];
  const running = inWorker(async (q, _, __, { say }) => {
    const loop = q.acceptLoop({ host: '127.0.0.1', backlog: 50 });
    say((loop.listeners[0] as import('listenq').Listener).address());
    let served = 0;
    for await (const connection of loop) {
      connection.sendAll('served');
      connection.close();
      if (++served === 20) break;
    }
    say(await loop.close());
  });
  const clients = beginConnects((await running.heard()) as c.Address, 20);
  assert.deepEqual(await running.heard(), { untaken: 0 });
  assert.deepEqual(
    clients.map((client) => fateOf(client).text),
    Array(20).fill('served'),
  );
  closeAll(clients);
  assert.equal(await running.ended, 0);
  await nothingLeft(targets, tasks);
});

for (const highWaterMark of [100, 2, 0]) {
  test(
    `worker.terminate() from outside, highWaterMark ${highWaterMark}: ends within 1 s, leaves nothing`,
    { skip },
    async () => {
      const [targets, tasks] = [ownTargets(), threads()];
      const running = inWorker((q, _, mark: number, { say }) => {
        const loop = q.acceptLoop({ host: '127.0.0.1', backlog: 50 }, { highWaterMark: mark });
        say((loop.listeners[0] as import('listenq').Listener).address());
        setInterval(() => loop.stats().waiting === Math.min(mark, 6) && say('ready'), 10);
      }, highWaterMark);
      const to = (await running.heard()) as c.Address;
      const clients = beginConnects(to, 6);
      assert.equal(await running.heard(), 'ready');
      const start = performance.now();
      await running.worker.terminate();
      const took = performance.now() - start;
      assert.ok(took < BOUND_MS, `it took ${took} ms`);
      for (const client of clients) assert.notEqual(fateOf(client).then, 'open');
      closeAll(clients);
      assert.ok(refuses(to), 'nobody listens any more');
      await nothingLeft(targets, tasks);
    },
  );
}

test('worker.terminate(): at any moment while a loop begins and serves', { skip }, async () => {
  const [targets, tasks] = [ownTargets(), threads()];
  for (let i = 0; i < 15; i++) {
    const running = inWorker((q) => {
      const loop = q.acceptLoop({ host: '127.0.0.1' });
      const { port } = (loop.listeners[0] as import('listenq').Listener).address() as { port: number };
      loop.on('connection', (connection) => connection.close());
      setInterval(() => q.connect({ host: '127.0.0.1', port }).close(), 1);
    });
    await new Promise((resolve) => setTimeout(resolve, 20 + 10 * i));
    await running.worker.terminate();
  }
  await nothingLeft(targets, tasks);
});

test('process.exit() in a worker that has a loop: ends that worker', { skip }, async () => {
  const targets = ownTargets();
  const running = inWorker((q, _, __, { say }) => {
    const loop = q.acceptLoop({ host: '127.0.0.1' });
    say((loop.listeners[0] as import('listenq').Listener).address());
    setTimeout(() => process.exit(5), 100);
  });
  const clients = beginConnects((await running.heard()) as c.Address, 3);
  assert.equal(await running.ended, 5);
  for (const client of clients) assert.notEqual(fateOf(client).then, 'open');
  closeAll(clients);
  await nothingLeft(targets);
});

test('the accepting thread does not run what the program preloads', { skip }, () => {
  const file = path.join(temporaryFolder(), 'preload.cjs');
  writeFileSync(file, `globalThis.loads = require('node:fs').writeSync(1, 'preloaded\\n');`);
  const { stdout } = inChild(
    async (q) => {
      const loop = q.acceptLoop({ host: '127.0.0.1' });
      const { port } = (loop.listeners[0] as import('listenq').Listener).address() as { port: number };
      const client = q.connect({ host: '127.0.0.1', port });
      (await loop.accept()).close();
      client.close();
      await loop.close();
    },
    { nodeFlags: ['--require', file] },
  );
  assert.equal(stdout, 'preloaded\n');
});
