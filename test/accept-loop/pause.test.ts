import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection } from 'listenq';
import { privateNetwork } from '../support/machine';
import { beginConnect, beginConnects, closeAll } from '../support/sockets';
import { until } from '../support/until';
import { addressOf, listenerOf, sleep, withLoop } from './support';

const skip = privateNetwork();
const LOCAL = { host: '127.0.0.1', backlog: 50 };
/** In which a loop that wrongly went on would have done so. */
const A_WHILE_MS = 50;

test(
  'pause: what comes waits in the kernel, though callers wait; resume: they get it',
  { skip },
  async () => {
    await withLoop(LOCAL, {}, async (loop) => {
      const call = loop.accept();
      assert.equal(loop.paused, false);
      assert.equal(loop.pause(), loop);
      assert.equal(loop.paused, true);
      const clients = beginConnects(addressOf(loop), 10);
      await sleep(A_WHILE_MS);
      assert.deepEqual([listenerOf(loop).queue().length, loop.stats().accepted], [10, 0]);
      assert.equal(loop.resume(), loop);
      assert.equal(loop.paused, false);
      const taken = [await call];
      await until(() => loop.stats().waiting === 9, 'the rest was accepted');
      while (taken.length < 10) taken.push(await loop.accept());
      closeAll([...clients, ...taken]);
    });
  },
);

test("pause: 'connection' is not emitted, and accept() gives what had been accepted", { skip }, async () => {
  await withLoop(LOCAL, {}, async (loop) => {
    const clients = beginConnects(addressOf(loop), 3);
    await until(() => loop.stats().waiting === 3, 'all wait');
    loop.pause();
    const emitted: Connection[] = [];
    loop.on('connection', (connection) => emitted.push(connection));
    await sleep(A_WHILE_MS);
    assert.equal(emitted.length, 0);
    const taken = await loop.accept();
    assert.equal(emitted.length, 0);
    loop.resume();
    await until(() => emitted.length === 2, 'the rest was emitted');
    closeAll([...clients, taken, ...emitted]);
  });
});

test("pause: from within 'connection', stops after that one", { skip }, async () => {
  await withLoop(LOCAL, {}, async (loop) => {
    const clients = beginConnects(addressOf(loop), 5);
    await until(() => loop.stats().waiting === 5, 'all wait');
    const taken: Connection[] = [];
    loop.on('connection', (connection) => {
      taken.push(connection);
      loop.pause();
    });
    for (let count = 1; count <= 5; count++) {
      await until(() => taken.length === count, `number ${count} was emitted`);
      await sleep(10);
      assert.equal(taken.length, count);
      loop.resume();
    }
    closeAll([...clients, ...taken]);
  });
});

test('pause, resume: any number of times, nobody is lost', { skip }, async () => {
  await withLoop({ ...LOCAL, backlog: 500 }, { highWaterMark: 3 }, async (loop) => {
    let taken = 0;
    loop.on('connection', (connection) => {
      taken++;
      connection.close();
    });
    const clients: number[] = [];
    for (let round = 0; round < 200; round++) {
      if (round % 3 === 0) loop.pause();
      else loop.resume();
      clients.push(beginConnect(addressOf(loop)));
      if (round % 7 === 0) await sleep(1);
    }
    loop.resume();
    await until(() => taken === 200, 'all were emitted');
    closeAll(clients);
  });
});

test('pause: before the accepting thread has begun', { skip }, async () => {
  await withLoop(LOCAL, {}, async (loop) => {
    loop.pause();
    const client = beginConnect(addressOf(loop));
    await sleep(200);
    assert.deepEqual([listenerOf(loop).queue().length, loop.stats().accepted], [1, 0]);
    loop.resume();
    closeAll([await loop.accept(), client]);
  });
});
