import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { listen, serveBlocking, type BlockingServer, type HandlerFailure } from 'listenq';
import { close } from 'listenq/syscalls';
import { inChild } from '../support/child';
import { openDescriptors } from '../support/machine';
import { queueOfDescriptor } from '../support/queue';
import { portOf } from '../support/sockets';
import { until } from '../support/until';
import { ask, handlerAt } from './asking';

const ANSWERS = handlerAt('answers.cjs');

function start(t: TestContext, threads: number, handler: string | URL = ANSWERS): [BlockingServer, number] {
  const server = serveBlocking({ listen: { host: '127.0.0.1' }, handler, threads });
  t.after(() => server.close({ timeoutMs: 0 }));
  return [server, portOf(server.address())];
}

test('serveBlocking: a handler is CommonJS or ESM, by path, URL or the text of one', async (t) => {
  const url = pathToFileURL(ANSWERS);
  for (const handler of [ANSWERS, url, url.href]) {
    const [server, port] = start(t, 1, handler);
    assert.equal(await ask(port, 'later').answer, 'later');
    assert.equal(server.threads, 1);
  }
  const [, port] = start(t, 1, handlerAt('echo.mjs'));
  const { socket } = ask(port, '');
  socket.end('back');
  const [said] = (await once(socket, 'data')) as [string];
  assert.equal(said, 'back');
});

test('serveBlocking: as many clients as threads are served at once, the others are in the kernel queue', async (t) => {
  const [server, port] = start(t, 3);
  const held = Array.from({ length: 3 }, () => ask(port, 'hold'));
  await Promise.all(held.map(({ served }) => served));
  const queued = Array.from({ length: 4 }, () => ask(port, 'thread'));
  await until(() => queueOfDescriptor(server.listener.fd).length === 4);
  assert.equal(server.stats().active, 3);
  assert.equal(server.stats().accepted, 3);
  for (const { socket } of held) socket.write('x');
  const threads = await Promise.all(queued.map(({ answer }) => answer));
  assert.ok(
    threads.every((thread) => /^\d+$/.test(thread)),
    threads.join(),
  );
  assert.equal(queueOfDescriptor(server.listener.fd).length, 0);
  await until(() => server.stats().active === 0);
  assert.equal(server.stats().accepted, 7);
});

test("serveBlocking: an exception of the handler is an 'error' with its stack and peer, and the next is served", async (t) => {
  const [server, port] = start(t, 1);
  const seen: [NodeJS.ErrnoException, HandlerFailure | undefined][] = [];
  server.on('error', (error, failure) => seen.push([error, failure]));
  const thread = Number(await ask(port, 'thread').answer);
  const ports: unknown[] = [];
  for (const word of ['throw', 'reject', 'text', 'function']) {
    const client = ask(port, word);
    await client.served;
    ports.push(client.socket.localPort);
    assert.equal(await client.answer, '');
  }
  assert.equal(await ask(port, 'later').answer, 'later');
  await until(() => seen.length === 4);
  const [thrown, rejected, text, odd] = seen.map(([error]) => error);
  assert.ok(thrown instanceof RangeError);
  assert.equal(seen[0]?.[0].code, 'ERR_OF_THE_HANDLER');
  assert.match(thrown.stack ?? '', /of the handler\n +at .*answers\.cjs/);
  assert.equal(rejected?.message, 'later');
  assert.match(text?.message ?? '', /no Error: 'no Error'/);
  assert.equal(text?.cause, 'no Error');
  assert.equal(odd?.message, 'with a function');
  assert.deepEqual(
    seen.map(([, failure]) => [portOf((failure as HandlerFailure).remoteAddress), failure?.threadId]),
    ports.map((of) => [of, thread]),
  );
  assert.equal(server.stats().failed, 4);
});

test("serveBlocking: without an 'error' listener an exception is a warning with the stack", async (t) => {
  const [, port] = start(t, 1);
  const warned = once(process, 'warning') as Promise<[Error & { detail: string }]>;
  assert.equal(await ask(port, 'throw').answer, '');
  const [{ name, message, detail }] = await warned;
  assert.equal(name, 'ListenqHandlerWarning');
  assert.match(message, /of the handler/);
  assert.match(detail, /answers\.cjs/);
});

test("serveBlocking: a thread that dies is replaced, a 'restart' says why, and queued clients are served", async (t) => {
  const [server, port] = start(t, 1);
  const restarts: unknown[] = [];
  server.on('restart', ({ exitCode, error, delayMs }) => restarts.push([exitCode, error?.message, delayMs]));
  const held = ask(port, 'hold');
  await held.served;
  const dying = [ask(port, 'exit'), ask(port, 'uncaught')];
  const queued = [ask(port, 'thread'), ask(port, 'thread')];
  await until(() => queueOfDescriptor(server.listener.fd).length === 4);
  held.socket.write('x');
  for (const { answer } of dying) assert.equal(await answer, '');
  for (const { answer } of queued) assert.match(await answer, /^\d+$/);
  assert.deepEqual(restarts, [
    [3, undefined, 100],
    [1, 'of a timer', 200],
  ]);
  assert.equal(server.stats().restarts, 2);
});

test('serveBlocking: a connection that the handler gave to a net.Socket is not closed', async (t) => {
  const [, port] = start(t, 1);
  assert.equal(await ask(port, 'socket').answer, 'by a net.Socket');
});

test('serveBlocking: console.log of a handler arrives while its thread goes on', () => {
  const { result, stdout } = inChild(
    async (q, _, handler: string) => {
      const server = q.serveBlocking({ listen: { host: '127.0.0.1' }, handler, threads: 1 });
      const { port } = server.address() as { port: number };
      const client = q.connect({ host: '127.0.0.1', port });
      client.sendAll('print');
      const said = client.recvExactly(8).toString();
      await new Promise((resolve) => setTimeout(resolve, 300));
      return [said, (await server.close()).interrupted];
    },
    { data: ANSWERS },
  );
  assert.deepEqual(result, ['?printed', 0]);
  assert.match(stdout, /printed by a handler/);
});

test("serveBlocking: EMFILE is one 'shortage', keeps the queue, costs no CPU, and ends when there is room", () => {
  const { result } = inChild(
    async (q, s, handler: string) => {
      const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
      const server = q.serveBlocking({ listen: { host: '127.0.0.1' }, handler, threads: 2 });
      const shortages: unknown[] = [];
      server.on('shortage', (error) => shortages.push((error as NodeJS.ErrnoException).code));
      await pause(400);
      const clients = Array.from({ length: 3 }, () => s.socket(s.AF_INET, s.SOCK_STREAM));
      const next = s.dup(0);
      s.close(next);
      const { soft, hard } = s.getrlimit(s.RLIMIT_NOFILE);
      s.setrlimit(s.RLIMIT_NOFILE, { soft: next, hard });
      for (const client of clients) s.connect(client, server.address());
      await pause(200);
      const before = process.cpuUsage();
      await pause(1500);
      const { user, system } = process.cpuUsage(before);
      const queued = server.listener.queue().length;
      s.setrlimit(s.RLIMIT_NOFILE, { soft, hard });
      const said = clients.map((client) => {
        const connection = q.Connection.from(client);
        connection.sendAll('later');
        return connection.recvExactly(6, { timeoutMs: 10_000 }).toString();
      });
      await server.close();
      return { shortages, queued, said, spins: (user + system) / 1.5e6 > 0.2 };
    },
    { data: ANSWERS },
  );
  const said = ['?later', '?later', '?later'];
  assert.deepEqual(result, { shortages: ['EMFILE'], queued: 3, said, spins: false });
});

const BAD: Record<string, [options: unknown, error: object]> = {
  'no options': [undefined, { code: 'ERR_INVALID_ARG_TYPE' }],
  'no place': [{ handler: ANSWERS }, { code: 'ERR_INVALID_ARG_TYPE' }],
  'a place of the wrong kind': [
    { listen: { port: '80' }, handler: ANSWERS },
    { code: 'ERR_INVALID_ARG_TYPE' },
  ],
  'a place that is taken': [{ listen: { host: '192.0.2.1' }, handler: ANSWERS }, { code: 'EADDRNOTAVAIL' }],
  'no handler': [{ listen: {} }, { code: 'ERR_INVALID_ARG_TYPE' }],
  'a URL that is no file': [{ listen: {}, handler: new URL('http://x/') }, { code: 'ERR_INVALID_ARG_VALUE' }],
  'no such module': [{ listen: {}, handler: handlerAt('none.js') }, { code: 'ERR_MODULE_NOT_FOUND' }],
  'a module that throws': [
    { listen: {}, handler: handlerAt('throws.mjs') },
    { message: 'of the module', code: 'E_MODULE' },
  ],
  'a module that ends its thread': [
    { listen: {}, handler: handlerAt('exits.cjs') },
    { message: /ended with code 4/ },
  ],
  'a module that never loads': [
    { listen: {}, handler: handlerAt('never.mjs') },
    { message: /ended with code \d+ while it loaded/ },
  ],
  'no function': [{ listen: {}, handler: handlerAt('no-function.cjs') }, { code: 'ERR_INVALID_ARG_VALUE' }],
  'no threads': [{ listen: {}, handler: ANSWERS, threads: 0 }, { code: 'ERR_OUT_OF_RANGE' }],
  'half a thread': [{ listen: {}, handler: ANSWERS, threads: 1.5 }, { code: 'ERR_OUT_OF_RANGE' }],
  'an unknown option': [{ listen: {}, handler: ANSWERS, thread: 1 }, { code: 'ERR_INVALID_ARG_VALUE' }],
  'no signal': [{ listen: {}, handler: ANSWERS, signal: {} }, { code: 'ERR_INVALID_ARG_TYPE' }],
  'an aborted signal': [
    { listen: {}, handler: ANSWERS, signal: AbortSignal.abort() },
    { name: 'AbortError' },
  ],
};

for (const [name, [options, error]] of Object.entries(BAD)) {
  test(`serveBlocking: ${name} is thrown at once, and leaves no descriptor`, async () => {
    const before = openDescriptors().length;
    assert.throws(() => serveBlocking(options as never), error);
    await until(() => openDescriptors().length <= before);
  });
}

test('serveBlocking: a closed or detached Listener is refused; one that is good stays open if the handler is not', () => {
  const closed = listen({ host: '127.0.0.1' });
  closed.close();
  assert.throws(() => serveBlocking({ listen: closed, handler: ANSWERS }), { code: 'ERR_LISTENER_CLOSED' });
  const detached = listen({ host: '127.0.0.1' });
  close(detached.detach());
  assert.throws(() => serveBlocking({ listen: detached, handler: ANSWERS }), { code: 'ERR_LISTENER_CLOSED' });
  const good = listen({ host: '127.0.0.1' });
  assert.throws(() => serveBlocking({ listen: good, handler: handlerAt('throws.mjs') }), /of the module/);
  assert.equal(good.closed, false);
  good.close();
});
