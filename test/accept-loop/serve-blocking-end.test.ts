import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { listen, serveBlocking, type BlockingServer } from 'listenq';
import { lineOf, startChild } from '../support/child';
import { openDescriptors } from '../support/machine';
import { queueOfDescriptor } from '../support/queue';
import { beginConnect, closeAll, isConnected, portOf, targetOf } from '../support/sockets';
import { inWorker } from '../support/worker';
import { until } from '../support/until';
import { ask, handlerAt } from './asking';

const ANSWERS = handlerAt('answers.cjs');
/** From the issue: whatever ends the process, or the thread, is over within this. */
const BOUND_MS = 1000;

function start(threads: number, signal?: AbortSignal): [BlockingServer, number] {
  const given = signal === undefined ? {} : { signal };
  const server = serveBlocking({ listen: { host: '127.0.0.1' }, handler: ANSWERS, threads, ...given });
  return [server, portOf(server.address())];
}

function openTargets(): string[] {
  const kinds = /^socket:|eventfd|eventpoll/;
  return openDescriptors()
    .map(targetOf)
    .filter((target) => kinds.test(target))
    .sort();
}

test('close: waits for handlers that run, then no descriptor, thread or listener is left', async () => {
  await start(1)[0].close(); // what Node opens once
  const before = openTargets();
  const [server, port] = start(2);
  let closed = 0;
  server.on('close', () => closed++);
  const held = ask(port, 'hold');
  await held.served;
  const closing = server.close();
  const again = server.close({ drain: true });
  await assert.rejects(async () => once(ask(port, 'x').socket, 'connect'), { code: 'ECONNREFUSED' });
  assert.equal(closed, 0);
  held.socket.write('x');
  assert.deepEqual(await closing, { interrupted: 0 });
  assert.deepEqual(await again, { interrupted: 0 });
  assert.equal(closed, 1);
  assert.equal(await held.answer, '');
  assert.ok(server.listener.closed);
  assert.throws(() => server.address(), { code: 'ERR_LISTENER_CLOSED' });
  await until(() => openTargets().length <= before.length);
  assert.deepEqual(openTargets(), before);
});

for (const word of ['hold', 'spin']) {
  test(`close({ timeoutMs }): a handler that does not end (${word}) is cut off and counted`, async () => {
    const [server, port] = start(2);
    const errors: unknown[] = [];
    server.on('error', (error) => errors.push(error));
    const client = ask(port, word);
    await client.served;
    await until(() => server.stats().active === 1);
    assert.deepEqual(await server.close({ timeoutMs: 50 }), { interrupted: 1 });
    await client.answer;
    assert.deepEqual(errors, []);
  });
}

test('close: what the kernel has queued is reset; with drain it is served first', async () => {
  for (const drain of [false, true]) {
    const [server, port] = start(1);
    const held = ask(port, 'hold');
    await held.served;
    const queued = Array.from({ length: 5 }, () => ask(port, 'later'));
    await until(() => queueOfDescriptor(server.listener.fd).length === 5);
    const closing = server.close({ drain });
    held.socket.write('x');
    const answers = await Promise.all(queued.map(({ answer }) => answer));
    assert.deepEqual(new Set(answers), new Set([drain ? 'later' : 'ECONNRESET']));
    assert.deepEqual(await closing, { interrupted: 0 });
  }
});

test('close({ drain }): ends a server that is idle, and one whose drain takes too long', async () => {
  const [idle] = start(2);
  assert.deepEqual(await idle.close({ drain: true }), { interrupted: 0 });
  const [busy, port] = start(1);
  const held = ask(port, 'hold');
  await held.served;
  const client = beginConnect(busy.address());
  assert.ok(isConnected(client));
  assert.deepEqual(await busy.close({ drain: true, timeoutMs: 50 }), { interrupted: 1 });
  closeAll([client]);
});

test('close: by an AbortSignal, by asyncDispose, or by closing the listener', async () => {
  const abort = new AbortController();
  const [aborted] = start(1, abort.signal);
  const [disposed] = start(1);
  const [without] = start(1);
  const ends = [aborted, disposed, without].map((server) => once(server, 'close'));
  abort.abort();
  without.listener.close();
  await disposed[Symbol.asyncDispose]();
  await Promise.all(ends);
});

test("close: a listener that is shut down ends the server with an 'error'", async () => {
  const listener = listen({ host: '127.0.0.1' });
  const server = serveBlocking({ listen: listener, handler: ANSWERS, threads: 2 });
  const errors: unknown[] = [];
  server.on('error', (error) => errors.push((error as NodeJS.ErrnoException).code));
  const ended = new Promise<void>((resolve) => server.once('close', resolve));
  const { shutdown, SHUT_RD } = await import('listenq/syscalls');
  shutdown(listener.fd, SHUT_RD);
  await ended;
  assert.deepEqual(errors, ['EINVAL']);
  assert.ok(listener.closed);
});

test('serveBlocking: serves from a worker, and ends when that is terminated', async () => {
  const before = openTargets();
  const { worker, heard } = inWorker((q, _, handler: string, { say }) => {
    const server = q.serveBlocking({ listen: { host: '127.0.0.1' }, handler, threads: 4 });
    say((server.address() as { port: number }).port);
  }, ANSWERS);
  const port = (await heard()) as number;
  assert.equal(await ask(port, 'later').answer, 'later');
  const held = ask(port, 'hold');
  await held.served;
  const began = performance.now();
  await worker.terminate();
  const took = performance.now() - began;
  assert.ok(took < BOUND_MS, `it took ${took} ms`);
  await held.answer;
  await until(() => openTargets().length <= before.length);
});

const ENDS: Record<string, [then: string, end: [number | null, string | null]]> = {
  'process.exit()': ['process.exit(7)', [7, null]],
  'an uncaught exception': [
    "process.on('exit', () => (process.exitCode = 9)); throw new Error('on purpose')",
    [9, null],
  ],
  SIGTERM: ["process.kill(process.pid, 'SIGTERM')", [null, 'SIGTERM']],
  'unref()': ['server.unref()', [0, null]],
};

for (const [name, [then, end]] of Object.entries(ENDS)) {
  test(`serveBlocking: ${name} ends the process within 1 s, idle threads and a blocked handler or not`, async () => {
    const child = startChild(
      (q, _, { handler, last }: { handler: string; last: string }) => {
        const server = q.serveBlocking({ listen: { host: '127.0.0.1' }, handler, threads: 6 });
        const { port } = server.address() as { port: number };
        const client = q.connect({ host: '127.0.0.1', port });
        client.recv(1);
        client.sendAll('hold');
        setTimeout(() => {
          (require('node:fs') as typeof import('node:fs')).writeSync(1, 'now\n');
          eval(last);
        }, 1000);
        return new Promise(() => undefined);
      },
      { data: { handler: ANSWERS, last: then } },
    );
    const ended = once(child, 'exit');
    await lineOf(child);
    const began = performance.now();
    assert.deepEqual(await ended, end);
    const took = performance.now() - began;
    assert.ok(took < BOUND_MS, `it took ${took} ms`);
  });
}
