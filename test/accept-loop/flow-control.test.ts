import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection } from 'listenq';
import * as c from 'listenq/syscalls';
import { inChild } from '../support/child';
import { privateNetwork } from '../support/machine';
import { beginConnect, beginConnects, closeAll, isConnected } from '../support/sockets';
import { until } from '../support/until';
import { addressOf, listenerOf, sleep, withLoop } from './support';

const skip = privateNetwork();
const LOCAL = { host: '127.0.0.1' };
/** In which a loop that wrongly went on would have done so. */
const A_WHILE_MS = 50;

for (const highWaterMark of [1, 2, 5, 64, 100]) {
  test(
    `highWaterMark ${highWaterMark}: so many are accepted, the rest waits in the kernel`,
    { skip },
    async () => {
      await withLoop({ ...LOCAL, backlog: 200 }, { highWaterMark }, async (loop) => {
        const listener = listenerOf(loop);
        assert.equal(loop.highWaterMark, highWaterMark);
        const clients = beginConnects(addressOf(loop), highWaterMark + 20);
        await until(() => loop.stats().waiting === highWaterMark, 'the bound is reached');
        await sleep(A_WHILE_MS);
        assert.deepEqual(listener.queue(), { length: 20, limit: 200, drops: 0 });
        // For each that is taken one comes out of the kernel.
        const taken: Connection[] = [];
        for (let left = 19; left >= 0; left--) {
          taken.push(await loop.accept());
          await until(() => listener.queue().length === left, `the kernel has ${left} left`);
          // On its way from there to here it is in neither.
          await until(() => loop.stats().waiting === highWaterMark, 'the bound is reached again');
        }
        while (taken.length < clients.length) taken.push(await loop.accept());
        assert.deepEqual([loop.stats().waiting, listener.queue().length], [0, 0]);
        assert.deepEqual(
          taken.map((connection) => connection.remoteAddress),
          clients.map((client) => c.getsockname(client)),
          'in the order in which they came',
        );
        closeAll([...clients, ...taken]);
      });
    },
  );
}

test(
  'highWaterMark 0: nobody is accepted while nobody waits in accept(); the backlog counts to the last client',
  { skip },
  async () => {
    await withLoop({ ...LOCAL, backlog: 3 }, { highWaterMark: 0 }, async (loop) => {
      const listener = listenerOf(loop);
      const clients = beginConnects(addressOf(loop), 6);
      await sleep(A_WHILE_MS);
      // Backlog 3 lets four wait.
      assert.deepEqual(clients.map(isConnected), [true, true, true, true, false, false]);
      assert.deepEqual([listener.queue().length, loop.stats().accepted], [4, 0]);
      closeAll(clients.slice(4));
      for (const left of [3, 2, 1, 0]) {
        const connection = await loop.accept();
        assert.deepEqual(connection.remoteAddress, c.getsockname(clients[3 - left] as number));
        await sleep(A_WHILE_MS);
        assert.deepEqual([listener.queue().length, loop.stats().accepted], [left, 4 - left]);
        connection.close();
      }
      closeAll(clients.slice(0, 4));
    });
  },
);

test('highWaterMark 0: as many as there are callers of accept()', { skip }, async () => {
  await withLoop({ ...LOCAL, backlog: 10 }, { highWaterMark: 0 }, async (loop) => {
    const calls = [loop.accept(), loop.accept(), loop.accept()];
    const clients = beginConnects(addressOf(loop), 8);
    const taken = await Promise.all(calls);
    await sleep(A_WHILE_MS);
    assert.deepEqual([listenerOf(loop).queue().length, loop.stats().accepted], [5, 3]);
    closeAll([...clients, ...taken]);
  });
});

test("highWaterMark 0: a 'connection' listener is a caller that comes again", { skip }, async () => {
  await withLoop({ ...LOCAL, backlog: 10 }, { highWaterMark: 0 }, async (loop) => {
    const clients = beginConnects(addressOf(loop), 5);
    const taken: Connection[] = [];
    loop.on('connection', (connection) => taken.push(connection));
    await until(() => taken.length === 5, 'all were emitted');
    clients.push(beginConnect(addressOf(loop)));
    await until(() => taken.length === 6, 'and a later one');
    closeAll([...clients, ...taken]);
  });
});

test("highWaterMark 0: once the 'connection' listener is removed nobody is accepted", { skip }, async () => {
  await withLoop({ ...LOCAL, backlog: 10 }, { highWaterMark: 0 }, async (loop) => {
    const taken: Connection[] = [];
    const take = (connection: Connection): number => taken.push(connection);
    loop.on('connection', take);
    const clients = beginConnects(addressOf(loop), 2);
    await until(() => taken.length === 2, 'both were emitted');
    await sleep(A_WHILE_MS);
    loop.off('connection', take);
    clients.push(beginConnect(addressOf(loop)));
    await sleep(A_WHILE_MS);
    assert.deepEqual([listenerOf(loop).queue().length, loop.stats().accepted], [1, 2]);
    closeAll([...clients, ...taken]);
  });
});

test('highWaterMark 0: a for await whose body is busy leaves the rest in the kernel', { skip }, async () => {
  await withLoop({ ...LOCAL, backlog: 10 }, { highWaterMark: 0 }, async (loop) => {
    const clients = beginConnects(addressOf(loop), 4);
    let left = 4;
    for await (const connection of loop) {
      left--;
      await sleep(A_WHILE_MS);
      assert.equal(listenerOf(loop).queue().length, left);
      connection.close();
      if (left === 0) break;
    }
    closeAll(clients);
  });
});

test('highWaterMark 0: what came for a caller that gave up goes to the next one', { skip }, async () => {
  await withLoop({ ...LOCAL, backlog: 10 }, { highWaterMark: 0 }, async (loop) => {
    for (let round = 0; round < 20; round++) {
      const given = new AbortController();
      const call = loop.accept({ signal: given.signal });
      const client = beginConnect(addressOf(loop));
      if (round % 2 === 0) given.abort();
      else setImmediate(() => given.abort());
      const first = await call.catch(() => undefined);
      const connection = first ?? (await loop.accept());
      assert.deepEqual(connection.remoteAddress, c.getsockname(client));
      closeAll([client, connection]);
    }
  });
});

test('highWaterMark: by default 4096, or half of a lower RLIMIT_NOFILE', () => {
  const { result } = inChild(async (q, s) => {
    const marks: number[] = [];
    for (const soft of [8192, 8191, 1000, 200]) {
      s.setrlimit(s.RLIMIT_NOFILE, { soft, hard: s.getrlimit(s.RLIMIT_NOFILE).hard });
      const loop = q.acceptLoop({ host: '127.0.0.1' });
      marks.push(loop.highWaterMark);
      await loop.close();
    }
    return marks;
  });
  assert.deepEqual(result, [4096, 4095, 500, 100]);
});
