import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { test } from 'node:test';
import { acceptLoop, type AcceptLoopStats } from 'listenq';
import { privateNetwork } from '../support/machine';
import { beginConnects, closeAll } from '../support/sockets';
import { until } from '../support/until';
import { addressOf, sleep, withLoop } from './support';

const skip = privateNetwork();
const LOCAL = { host: '127.0.0.1', backlog: 100 };

/** What every connection that was accepted has become. */
function sumOf({ delivered, waiting, refused }: AcceptLoopStats): number {
  return delivered + waiting + Object.values(refused).reduce((sum, count) => sum + count, 0);
}

test('stats: of a new loop all are 0', { skip }, async () => {
  await withLoop(LOCAL, {}, (loop) => {
    assert.deepEqual(loop.stats(), {
      accepted: 0,
      delivered: 0,
      waiting: 0,
      open: undefined,
      refused: { maxWaitMs: 0, maxWaiting: 0, maxConnections: 0, blockList: 0 },
      failed: 0,
      shortages: 0,
      longestWaitMs: 0,
      longestQueue: 0,
      drops: 0,
    });
  });
});

test('stats: accepted = delivered + waiting + refused, at every moment', { skip }, async () => {
  const blockList = new BlockList();
  await withLoop(LOCAL, { overload: 'close', maxWaiting: 4, maxWaitMs: 40, blockList }, async (loop) => {
    const clients: number[] = [];
    for (let round = 0; round < 30; round++) {
      clients.push(...beginConnects(addressOf(loop), 8));
      // On a busy machine all of them may be overdue, and refused, before the threads have had their turn.
      const signal = AbortSignal.timeout(500);
      if (round % 3 === 0) (await loop.accept({ signal }).catch(() => undefined))?.close();
      if (round === 20) blockList.addAddress('127.0.0.1');
      await sleep(round % 5);
      const stats = loop.stats();
      assert.equal(sumOf(stats), stats.accepted);
      if (round === 21) break;
    }
    await until(() => loop.stats().accepted === clients.length, 'all were accepted');
    await until(() => loop.stats().waiting === 0, 'those that wait are overdue');
    const { refused, accepted } = loop.stats();
    assert.equal(sumOf(loop.stats()), accepted);
    for (const cause of ['maxWaitMs', 'maxWaiting', 'blockList'] as const)
      assert.ok(refused[cause] > 0, cause);
    closeAll(clients);
  });
});

test('stats: after close(), accepted = delivered + refused + untaken', { skip }, async () => {
  const loop = acceptLoop(LOCAL, { maxConnections: 7 });
  const clients = beginConnects(addressOf(loop), 12);
  await until(() => loop.stats().accepted === 12, 'all were accepted');
  const taken = [await loop.accept(), await loop.accept()];
  const report = await loop.close();
  const stats = loop.stats();
  assert.deepEqual([stats.accepted, stats.delivered, stats.waiting, report.untaken], [12, 2, 0, 5]);
  assert.equal(sumOf(stats) + report.untaken, stats.accepted);
  assert.equal(stats.open, 2);
  closeAll([...clients, ...taken]);
});

test("longestWaitMs: the time in the loop's queue, and in the kernel's", { skip }, async () => {
  await withLoop(LOCAL, {}, async (loop) => {
    const clients = beginConnects(addressOf(loop), 2);
    await until(() => loop.stats().waiting === 2, 'both wait');
    await sleep(100);
    const before = loop.stats().longestWaitMs;
    (await loop.accept()).close();
    (await loop.accept()).close();
    const inLoop = loop.stats().longestWaitMs;
    assert.ok(before < inLoop && inLoop >= 95, `${before}, then ${inLoop}`);
    loop.pause();
    clients.push(...beginConnects(addressOf(loop), 1));
    await sleep(inLoop + 150);
    loop.resume();
    (await loop.accept()).close();
    // A tick of the kernel is 10 ms at the most.
    assert.ok(
      loop.stats().longestWaitMs >= inLoop + 150 - 10,
      `${inLoop}, then ${loop.stats().longestWaitMs}`,
    );
    closeAll(clients);
  });
});

test('longestWaitMs: of those at the end of a long queue too', { skip }, async () => {
  await withLoop(LOCAL, { highWaterMark: 64 }, async (loop) => {
    loop.pause();
    const clients = beginConnects(addressOf(loop), 80);
    await sleep(150);
    loop.resume();
    for (let i = 0; i < 80; i++) {
      if (i === 64) await sleep(100);
      (await loop.accept()).close();
    }
    assert.ok(loop.stats().longestWaitMs >= 235, `${loop.stats().longestWaitMs}`);
    closeAll(clients);
  });
});

test("longestQueue: what the kernel's queue held when a burst began", { skip }, async () => {
  await withLoop(LOCAL, {}, async (loop) => {
    loop.pause();
    const clients = beginConnects(addressOf(loop), 37);
    loop.resume();
    await until(() => loop.stats().accepted === 37, 'all were accepted');
    assert.equal(loop.stats().longestQueue, 37);
    clients.push(...beginConnects(addressOf(loop), 1));
    await until(() => loop.stats().accepted === 38, 'one more');
    assert.equal(loop.stats().longestQueue, 37);
    closeAll(clients);
  });
});
