import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inChild } from '../support/child';
import { openDescriptors } from '../support/machine';
import { inWorker } from '../support/worker';

/** Waits, with an end, until there are no more descriptors than `most`: Node closes a worker's own a little later. */
async function descriptorsAtMost(most: number): Promise<number> {
  for (let i = 0; i < 100 && openDescriptors().length > most; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return openDescriptors().length;
}

const USE = (q: typeof import('listenq')): void => {
  const listener = q.listen({ host: '127.0.0.1' });
  const connection = q.connect({ host: '127.0.0.1', port: (listener.address() as { port: number }).port });
  const server = listener.accept();
  server.sendAll('x');
  if (connection.recvExactly(1).toString() !== 'x') throw new Error('not x');
  q.limits();
  listener.queue();
};

test('workers: 50 one after another load, use and leave open what they made; no descriptor stays', async () => {
  for (let i = 0; i < 2; i++) assert.equal(await inWorker(USE).ended, 0);
  const before = openDescriptors().length;
  for (let i = 0; i < 50; i++) assert.equal(await inWorker(USE).ended, 0);
  assert.equal(await descriptorsAtMost(before), before);
});

test('workers: 8 at once, three times', async () => {
  const round = async (): Promise<void> => {
    const codes = await Promise.all(Array.from({ length: 8 }, () => inWorker(USE).ended));
    assert.deepEqual(codes, Array(8).fill(0));
  };
  await round();
  const before = openDescriptors().length;
  for (let i = 0; i < 3; i++) await round();
  assert.ok((await descriptorsAtMost(before)) <= before);
});

test('workers: process.exit() in one, and an uncaught error, close what it made', async () => {
  await inWorker(USE).ended;
  const before = openDescriptors().length;
  const exits = inWorker((q) => {
    q.listen({ host: '127.0.0.1' });
    process.exit(3);
  });
  assert.equal(await exits.ended, 3);
  const throws = inWorker((q) => {
    q.listen({ path: '\0listenq-throws' });
    throw new Error('on purpose');
  });
  throws.worker.on('error', () => undefined);
  assert.equal(await throws.ended, 1);
  assert.equal(await descriptorsAtMost(before), before);
});

test('workers: what was given away by detach stays open', async () => {
  const worker = inWorker((q, s, _, { say }) => {
    const [a, b] = s.socketpair(s.AF_UNIX, s.SOCK_STREAM);
    say([q.Connection.from(a).detach(), b, q.listen({ host: '127.0.0.1' }).detach()]);
  });
  const fds = (await worker.heard()) as number[];
  await worker.ended;
  const open = openDescriptors();
  for (const fd of fds) assert.ok(open.includes(fd), String(fd));
  const { close } = await import('listenq/syscalls');
  fds.forEach(close);
});

test('workers: a worker in a process that loads the package nowhere else', () => {
  const { result } = inChild(async () => {
    const { Worker } = require('node:worker_threads') as typeof import('node:worker_threads');
    const program = `
      const load = require('node:module').createRequire(require('node:worker_threads').workerData);
      const { listen } = load('listenq');
      const listener = listen({ host: '127.0.0.1', backlog: 4 });
      require('node:worker_threads').parentPort.postMessage(listener.queue().limit);`;
    const root = require.resolve('listenq');
    return new Promise<number>((resolve, reject) => {
      new Worker(program, { eval: true, workerData: root }).once('message', resolve).once('error', reject);
    });
  });
  assert.equal(result, 4);
});

test('workers: threads that close one listener at the same moment close it once', async () => {
  const { listen } = await import('listenq');
  for (let round = 0; round < 5; round++) {
    const listener = listen({ host: '127.0.0.1' });
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const workers = Array.from({ length: 4 }, () =>
      inWorker(
        (q, _, { handle, turn }: { handle: import('listenq').ListenerHandle; turn: Int32Array }, { say }) => {
          const copy = q.Listener.from(handle);
          say('ready');
          Atomics.wait(turn, 0, 0);
          copy.close();
          say(copy.closed);
        },
        { handle: listener.share(), turn: gate },
      ),
    );
    for (const worker of workers) assert.equal(await worker.heard(), 'ready');
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    assert.throws(() => listener.accept(), { code: 'ERR_LISTENER_CLOSED' });
    for (const worker of workers) assert.equal(await worker.heard(), true);
    await Promise.all(workers.map((worker) => worker.ended));
  }
});
