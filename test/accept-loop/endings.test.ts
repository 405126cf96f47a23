import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { acceptLoop, listen, serveBlocking } from 'listenq';
import * as c from 'listenq/syscalls';
import { inChild } from '../support/child';
import { privateNetwork, temporaryFolder } from '../support/machine';
import { beginConnect, beginConnects, closeAll } from '../support/sockets';
import { until } from '../support/until';
import { handlerAt } from './asking';
import { addressOf, fateOf, listenerOf, threads, withLoop } from './support';

const skip = privateNetwork();
const LOCAL = { host: '127.0.0.1', backlog: 50 };

test('highWaterMark 0: an accept() given up leaves the "connection" listener served', { skip }, async () => {
  await withLoop(LOCAL, { highWaterMark: 0 }, async (loop) => {
    const emitted = once(loop, 'connection');
    const giveUp = new AbortController();
    const call = loop.accept({ signal: giveUp.signal });
    giveUp.abort();
    await assert.rejects(call, { name: 'AbortError' });
    const client = beginConnect(addressOf(loop));
    const [connection] = (await emitted) as [import('listenq').Connection];
    closeAll([client, connection]);
  });
});

test('close({ drain, timeoutMs }): more than a timer can be asked for is no limit', { skip }, async () => {
  const loop = acceptLoop(LOCAL);
  const client = beginConnect(addressOf(loop));
  await until(() => loop.stats().waiting === 1, 'one waits');
  const closing = loop.close({ drain: true, timeoutMs: 3e9 });
  await new Promise((resolve) => setTimeout(resolve, 200));
  const connection = await loop.accept();
  assert.deepEqual(await closing, { untaken: 0 });
  closeAll([client, connection]);
});

test('abort: while a drain waits for takers it ends the drain', { skip }, async () => {
  const stop = new AbortController();
  const loop = acceptLoop(LOCAL, { signal: stop.signal });
  const client = beginConnect(addressOf(loop));
  await until(() => loop.stats().waiting === 1, 'one waits');
  const closing = loop.close({ drain: true, timeoutMs: Infinity });
  await until(() => listenerOf(loop).closed, 'the thread has drained the kernel');
  await new Promise((resolve) => setTimeout(resolve, 150));
  stop.abort();
  assert.deepEqual(await closing, { untaken: 1 });
  closeAll([client]);
});

test("'error' comes before 'close', and what their listeners throw is uncaught", { skip }, () => {
  const { result } = inChild(async (q, s) => {
    const seen: string[] = [];
    process.on('uncaughtException', (error) => seen.push(error.message));
    const loop = q.acceptLoop({ host: '127.0.0.1' });
    loop.on('error', () => {
      seen.push('error');
      throw new Error('thrown by error');
    });
    loop.on('close', () => {
      seen.push('close');
      throw new Error('thrown by close');
    });
    s.shutdown((loop.listeners[0] as import('listenq').Listener).fd, s.SHUT_RD);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const other = q.acceptLoop({ host: '127.0.0.1' }).on('close', () => {
      throw new Error('thrown at the end');
    });
    const report = await other.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    return { seen, report };
  });
  assert.deepEqual(result, {
    seen: ['error', 'close', 'thrown by error', 'thrown by close', 'thrown at the end'],
    report: { untaken: 0 },
  });
});

test('close: who was refused gets the whole answer, although there is data unread', { skip }, async () => {
  const answer = Buffer.alloc(20_000, 'x');
  const loop = acceptLoop(LOCAL, { overload: answer, maxWaiting: 0 });
  const clients = beginConnects(addressOf(loop), 4);
  for (const client of clients) c.send(client, Buffer.from('GET / HTTP/1.1'));
  await until(() => loop.stats().refused.maxWaiting === 4, 'all were refused');
  for (const client of clients) c.send(client, Buffer.from('Host: localhost'));
  const closing = loop.close();
  for (const client of clients) {
    assert.deepEqual(fateOf(client), { text: answer.toString(), then: 'end' });
    c.close(client);
  }
  await closing;
});

test('acceptLoop: EMFILE for its thread is thrown, and the listener that was given goes on', { skip }, () => {
  const { result } = inChild((q, s) => {
    const listener = q.listen({ host: '127.0.0.1' });
    const room = s.socket(s.AF_INET, s.SOCK_STREAM);
    s.close(room);
    const { hard, soft } = s.getrlimit(s.RLIMIT_NOFILE);
    const codes: unknown[] = [];
    for (const left of [0, 3, 6, 9]) {
      s.setrlimit(s.RLIMIT_NOFILE, { soft: room + left, hard });
      for (const start of [
        () => q.acceptLoop(listener),
        () => q.serveBlocking({ listen: listener, handler: '/dev/null' }),
      ]) {
        try {
          start();
        } catch (error) {
          codes.push((error as { code: string }).code);
        }
      }
    }
    s.setrlimit(s.RLIMIT_NOFILE, { soft, hard });
    return { codes: [...new Set(codes)], count: codes.length, closed: listener.closed };
  });
  assert.deepEqual(result, { codes: ['EMFILE'], count: 8, closed: false });
});

test('the accepting thread does not run what NODE_OPTIONS preloads', { skip }, () => {
  const { result } = inChild(
    async (q) => {
      const fs = require('node:fs') as typeof import('node:fs');
      const path = require('node:path') as typeof import('node:path');
      const file = path.join(process.env['FOLDER'] as string, 'preload.cjs');
      fs.writeFileSync(file, `require('node:fs').appendFileSync(__filename + '.ran', 'x')`);
      process.env['NODE_OPTIONS'] = `--require ${file}`;
      const loop = q.acceptLoop({ host: '127.0.0.1' });
      await new Promise((resolve) => setTimeout(resolve, 200));
      await loop.close();
      return fs.existsSync(`${file}.ran`);
    },
    { env: { FOLDER: temporaryFolder() } },
  );
  assert.equal(result, false);
});

test(
  'serveBlocking: its listener closed while a thread is to be replaced: it ends, with no thread left',
  { skip },
  async () => {
    const handler = path.join(temporaryFolder(), 'exits.cjs');
    writeFileSync(handler, 'module.exports = () => process.exit(3);');
    const before = threads();
    const server = serveBlocking({ listen: LOCAL, handler, threads: 1 });
    const restarted = once(server, 'restart');
    const closed = once(server, 'close');
    const client = beginConnect(server.address());
    await restarted;
    server.listener.close();
    await closed;
    await server.close();
    await until(() => threads() <= before, 'no thread is left');
    closeAll([client]);
  },
);

test("serveBlocking: 'shortage' is a SystemCallError", { skip }, () => {
  const { result } = inChild(
    async (q, s, handler: string) => {
      const server = q.serveBlocking({ listen: { host: '127.0.0.1' }, handler, threads: 1 });
      await new Promise((resolve) => setTimeout(resolve, 200));
      const client = s.socket(s.AF_INET, s.SOCK_STREAM);
      const { hard, soft } = s.getrlimit(s.RLIMIT_NOFILE);
      const told = new Promise<unknown>((resolve) => server.once('shortage', resolve));
      s.setrlimit(s.RLIMIT_NOFILE, { soft: client + 1, hard });
      s.connect(client, server.address());
      const error = await told;
      s.setrlimit(s.RLIMIT_NOFILE, { soft, hard });
      await server.close();
      const { code, syscall } = error as InstanceType<typeof q.SystemCallError>;
      return [error instanceof q.SystemCallError, code, syscall];
    },
    { data: handlerAt('answers.cjs') },
  );
  assert.deepEqual(result, [true, 'EMFILE', 'accept']);
});

test('toSocket: noDelay and keepAlive are set, and wrong ones refused', { skip }, async () => {
  await withLoop(LOCAL, {}, async (loop) => {
    const clients = beginConnects(addressOf(loop), 3);
    for (const options of [{}, { noDelay: true, keepAlive: true, keepAliveInitialDelay: 7000 }]) {
      const connection = await loop.accept();
      const { fd } = connection;
      const socket = connection.toSocket(options);
      const on = Object.keys(options).length > 0;
      assert.deepEqual(
        [
          c.getsockoptInt(fd, c.IPPROTO_TCP, c.TCP_NODELAY),
          c.getsockoptInt(fd, c.SOL_SOCKET, c.SO_KEEPALIVE),
          on ? c.getsockoptInt(fd, c.IPPROTO_TCP, c.TCP_KEEPIDLE) : 7,
        ],
        on ? [1, 1, 7] : [0, 0, 7],
      );
      socket.destroy();
    }
    const connection = await loop.accept();
    assert.throws(() => connection.toSocket({ noDelay: 'yes' as never }), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.equal(connection.closed, false);
    closeAll([connection, ...clients]);
  });
});

test("acceptLoop: another loop's listeners are a list of listeners", { skip }, async () => {
  const listener = listen(LOCAL);
  const first = acceptLoop(listener);
  const second = acceptLoop(first.listeners);
  assert.equal(second.listeners[0], listener);
  await second.close();
  await first.close();
});
