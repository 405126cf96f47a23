import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { acceptLoop, type AcceptLoop, type Connection } from 'listenq';
import { privateNetwork } from '../support/machine';
import { beginConnects, closeAll } from '../support/sockets';
import { until } from '../support/until';
import { addressOf, sleep, withLoop } from './support';

const skip = privateNetwork();
const LOCAL = { host: '127.0.0.1', backlog: 9 };

async function takeAll(loop: AcceptLoop, count: number): Promise<Connection[]> {
  const taken: Connection[] = [];
  while (taken.length < count) taken.push(await loop.accept());
  return taken;
}

test('pressure: tells once that queues of 20 hold 16, and once that they hold 4', { skip }, async () => {
  const pressure = { highRatio: 0.8, lowRatio: 0.2, intervalMs: 5 };
  // Ten wait in the loop, ten in the kernel: backlog + 1.
  await withLoop(LOCAL, { highWaterMark: 10, pressure }, async (loop) => {
    const seen: string[] = [];
    loop.on('pressure', (reading) => seen.push(`pressure ${reading.waiting} of ${reading.room}`));
    loop.on('relief', (reading) => seen.push(`relief ${reading.waiting} of ${reading.room}`));
    const clients = beginConnects(addressOf(loop), 15);
    await until(() => loop.stats().waiting === 10, 'ten wait here');
    await sleep(50);
    assert.deepEqual(seen, [], '15 of 20 are less than 0.8');
    clients.push(...beginConnects(addressOf(loop), 1));
    await until(() => seen.length === 1, 'pressure is told');
    const taken = await takeAll(loop, 11);
    await sleep(50);
    assert.deepEqual(seen, ['pressure 16 of 20'], '5 of 20 are more than 0.2');
    taken.push(...(await takeAll(loop, 1)));
    await until(() => seen.length === 2, 'relief is told');
    await sleep(50);
    assert.deepEqual(seen, ['pressure 16 of 20', 'relief 4 of 20']);
    closeAll([...clients, ...taken]);
  });
});

test('pressure: of a loop that refuses beyond maxWaiting, that is the room', { skip }, async () => {
  const options = { overload: 'close', maxWaiting: 4, pressure: { highRatio: 1, intervalMs: 5 } } as const;
  await withLoop(LOCAL, options, async (loop) => {
    const told = once(loop, 'pressure');
    const clients = beginConnects(addressOf(loop), 4);
    assert.deepEqual(await told, [{ ratio: 1, waiting: 4, room: 4 }]);
    closeAll(clients);
  });
});

test(
  'pressure: a listener that another closes while it is looked at ends the loop and nothing else',
  { skip },
  async () => {
    const loop = acceptLoop(LOCAL, { pressure: { intervalMs: 1 } });
    await sleep(20);
    loop.listeners[0]?.close();
    await once(loop, 'close');
    await sleep(20);
  },
);
