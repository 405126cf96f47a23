import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { acceptLoop, listen, type AcceptLoopOptions } from 'listenq';
import * as c from 'listenq/syscalls';
import { openDescriptors, privateNetwork, temporaryFolder } from '../support/machine';
import { beginConnects, closeAll } from '../support/sockets';
import { inChild } from '../support/child';
import { until } from '../support/until';
import { addressOf, fateOf, isOpen, listenerOf, refuses, threads } from './support';

const skip = privateNetwork();
const LOCAL = { host: '127.0.0.1', backlog: 50 };

test('close: a first loop, for what Node opens once', { skip }, async () => {
  await acceptLoop(LOCAL).close();
});

const STATES: Record<string, AcceptLoopOptions> = {
  'with all accepted': {},
  'at its bound': { highWaterMark: 4 },
  'with nothing accepted': { highWaterMark: 0 },
  'that sheds': { overload: Buffer.from('busy'), maxWaiting: 4 },
};

for (const [name, options] of Object.entries(STATES)) {
  test(
    `close: a loop ${name}: tells untaken, ends all streams but those taken, leaves nothing behind`,
    { skip },
    async () => {
      const [descriptors, tasks] = [openDescriptors(), threads()];
      const loop = acceptLoop(LOCAL, options);
      const to = addressOf(loop);
      const clients = beginConnects(to, 10);
      const taken = [await loop.accept(), await loop.accept()];
      const stays = { '': 8, 'at its bound': 4, 'with nothing accepted': 0 }[name];
      if (stays !== undefined) await until(() => loop.stats().waiting === stays, 'the bound is reached');
      const { waiting } = loop.stats();
      const closed = once(loop, 'close');
      const report = await loop.close();
      assert.ok(name === 'with all accepted' || report.untaken === waiting);
      assert.deepEqual(await closed, [report]);
      assert.equal(loop.stats().waiting, 0);
      for (const client of clients.slice(2)) assert.notEqual(fateOf(client).then, 'open');
      const ports = taken.map((connection) => (connection.remoteAddress as { port: number }).port);
      const own = clients.filter((fd) => ports.includes((c.getsockname(fd) as { port: number }).port));
      assert.deepEqual(own.map(isOpen), [true, true]);
      assert.ok(refuses(to), 'nobody listens any more');
      closeAll([...clients, ...taken]);
      assert.deepEqual(openDescriptors(), descriptors);
      await until(() => threads() <= tasks, 'no thread is left');
    },
  );
}

test('close: callers and iterations end, at once and by name', { skip }, async () => {
  const loop = acceptLoop(LOCAL);
  const calls = [loop.accept(), loop.accept()].map((call) =>
    assert.rejects(call, { code: 'ERR_LISTENER_CLOSED' }),
  );
  const iteration = (async () => {
    for await (const connection of loop) connection.close();
    return 'ended';
  })();
  await loop.close();
  await Promise.all(calls);
  assert.equal(await iteration, 'ended');
  for await (const connection of loop) assert.fail(`${connection.fd} of a closed loop`);
});

test('close: a second call waits for the same, and so does Symbol.asyncDispose', { skip }, async () => {
  const loop = acceptLoop(LOCAL);
  const clients = beginConnects(addressOf(loop), 3);
  await until(() => loop.stats().waiting === 3, 'all wait');
  const emitted: unknown[] = [];
  loop.on('close', (report) => emitted.push(report));
  const reports = await Promise.all([loop.close(), loop.close(), loop.close({ drain: true })]);
  assert.deepEqual([...reports, await loop.close()], Array(4).fill({ untaken: 3 }));
  await loop[Symbol.asyncDispose]();
  assert.deepEqual(emitted, [{ untaken: 3 }]);
  closeAll(clients);
});

test("close: from within 'connection' ends the emitting", { skip }, async () => {
  const loop = acceptLoop(LOCAL);
  const clients = beginConnects(addressOf(loop), 5);
  await until(() => loop.stats().waiting === 5, 'all wait');
  let seen = 0;
  loop.on('connection', (connection) => {
    seen++;
    connection.close();
    void loop.close();
  });
  const [report] = (await once(loop, 'close')) as unknown[];
  assert.deepEqual([seen, report], [1, { untaken: 4 }]);
  closeAll(clients);
});

test('close: before the thread has begun', { skip }, async () => {
  const before = openDescriptors();
  const loops = Array.from({ length: 5 }, () => acceptLoop(LOCAL));
  await Promise.all(loops.map((loop) => loop.close()));
  assert.deepEqual(openDescriptors(), before);
});

test('close: a socket file is removed', { skip }, async () => {
  const file = path.join(temporaryFolder(), 'socket');
  const loop = acceptLoop({ path: file });
  assert.ok(fs.existsSync(file));
  await loop.close();
  assert.ok(!fs.existsSync(file));
});

test('after close: what needs an open loop says so, the rest is harmless', { skip }, async () => {
  const loop = acceptLoop(LOCAL);
  await loop.close();
  await assert.rejects(loop.accept(), { code: 'ERR_LISTENER_CLOSED' });
  assert.throws(() => loop.setBacklog(5), { code: 'ERR_LISTENER_CLOSED' });
  loop.pause().resume().ref().unref();
  assert.equal(loop.stats().accepted, 0);
  assert.equal(listenerOf(loop).closed, true);
});

test(
  'Listener.close by somebody: what was accepted is handed out, then the loop is closed',
  { skip },
  async () => {
    const listener = listen(LOCAL);
    const loop = acceptLoop(listener);
    const clients = beginConnects(listener.address(), 4);
    await until(() => loop.stats().waiting === 4, 'all wait');
    const closed = once(loop, 'close');
    listener.close();
    for (let i = 0; i < 4; i++) (await loop.accept()).close();
    await assert.rejects(loop.accept(), { code: 'ERR_LISTENER_CLOSED' });
    assert.deepEqual(await closed, [{ untaken: 0 }]);
    closeAll(clients);
  },
);

test('acceptLoop, close: a hundred times leave no descriptor and no thread', { skip }, async () => {
  const [descriptors, tasks] = [openDescriptors(), threads()];
  for (let i = 0; i < 100; i++) {
    const loop = acceptLoop(LOCAL);
    const clients = beginConnects(addressOf(loop), i % 3);
    if (i % 2 === 0 && clients.length > 0) (await loop.accept()).close();
    await loop.close();
    closeAll(clients);
  }
  assert.deepEqual(openDescriptors(), descriptors);
  await until(() => threads() <= tasks, 'no thread is left');
});

test(
  'acceptLoop: EMFILE at each descriptor that it needs: thrown or told, and nothing is left',
  { skip },
  () => {
    const { result } = inChild(async (q, s) => {
      const fs = require('node:fs') as typeof import('node:fs');
      // Node itself leaves the epoll descriptor of a worker that it could not begin.
      const open = (): number =>
        fs.readdirSync('/proc/self/fd').filter((fd) => {
          try {
            return !fs.readlinkSync(`/proc/self/fd/${fd}`).includes('eventpoll');
          } catch {
            return false;
          }
        }).length;
      const attempt = async (): Promise<string> => {
        try {
          const loop = q.acceptLoop({ host: '127.0.0.1' });
          const port = (loop.listeners[0]?.address() as { port: number }).port;
          const signal = AbortSignal.timeout(400);
          const client = await Promise.resolve()
            .then(() => q.connect({ host: '127.0.0.1', port }))
            .catch(() => undefined);
          const told = await loop.accept({ signal }).then(
            (taken) => (taken.close(), 'works'),
            (error: unknown) => (error as { code?: string }).code,
          );
          client?.close();
          await loop.close();
          return `${told}`;
        } catch (error) {
          return `thrown ${(error as { code: string }).code}`;
        }
      };
      process.on('warning', () => undefined);
      await attempt();
      const { soft, hard } = s.getrlimit(s.RLIMIT_NOFILE);
      const [before, codes] = [open(), [] as string[]];
      for (let room = 0; room < 12; room++) {
        const next = s.socket(s.AF_INET, s.SOCK_STREAM);
        s.close(next);
        s.setrlimit(s.RLIMIT_NOFILE, { soft: next + room, hard });
        codes.push(await attempt());
        s.setrlimit(s.RLIMIT_NOFILE, { soft, hard });
      }
      codes.push(await attempt());
      await new Promise((resolve) => setTimeout(resolve, 100));
      return { codes, leaked: open() - before };
    });
    assert.equal(result.leaked, 0);
    for (const code of result.codes)
      assert.match(code, /^(thrown EMFILE|EMFILE|ERR_WORKER_INIT_FAILED|works)$/);
    assert.equal(result.codes[0], 'thrown EMFILE');
    assert.equal(result.codes.at(-1), 'works');
  },
);
