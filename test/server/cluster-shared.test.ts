// The primary binds and its workers accept, all of them from one queue (SCHED_NONE).
import assert from 'node:assert/strict';
import cluster from 'node:cluster';
import { test } from 'node:test';
import * as path from 'node:path';
import { needsTool, temporaryFolder } from '../support/machine';
import {
  answerOf,
  BACKLOGS,
  bePrimary,
  clientOf,
  isServed,
  limitsOf,
  withWorkers,
  type Order,
} from './cluster-support';

const skip = needsTool('ss');
const folder = temporaryFolder();
const WHERE = { port: 0, host: '127.0.0.1' };
bePrimary(cluster.SCHED_NONE);

let sockets = 0;
const PLACES: [place: string, kind: Order['kind'], where: () => object][] = [
  ['a port', 'drop-in', () => ({ port: 0 })],
  ['a port of a host', 'drop-in', () => WHERE],
  ['a path', 'drop-in', () => ({ path: path.join(folder, `socket-${sockets++}`) })],
  ['a port, by attach', 'attach', () => WHERE],
];

for (const [place, kind, where] of PLACES) {
  test(
    `shared, ${place}: the backlog that was asked for, 0 and -1 too; the worker's own thread accepts`,
    { skip },
    async () => {
      for (const [asked, limit] of BACKLOGS) {
        await withWorkers([{ kind, args: [{ ...where(), backlog: asked }] }], async ([answer]) => {
          assert.ok(answer);
          const { loop, warnings } = answer;
          assert.deepEqual([limitsOf(answer), loop, warnings], [[limit], true, []], `asked for ${asked}`);
          await isServed(answer.address);
        });
      }
    },
  );
}

test('shared: acceptLoop: false has the backlog too', { skip }, async () => {
  await withWorkers(
    [{ kind: 'drop-in', args: [{ ...WHERE, backlog: 0 }], loop: false }],
    async ([answer]) => {
      assert.ok(answer);
      assert.deepEqual([limitsOf(answer), answer.loop], [[0], false]);
      await isServed(answer.address);
    },
  );
});

/** A port that two workers may share: one at which another has listened. */
async function freePort(): Promise<number> {
  return withWorkers([{ kind: 'net', args: [WHERE] }], ([one]) =>
    Promise.resolve((one?.address as { port: number }).port),
  );
}

test('shared: of two workers that ask for different backlogs the last decides', { skip }, async () => {
  const port = await freePort();
  const orderFor = (backlog: number): Order => ({ kind: 'drop-in', args: [{ ...WHERE, port, backlog }] });
  await withWorkers([orderFor(200), orderFor(3)], async ([first, second]) => {
    assert.ok(first && second);
    assert.deepEqual([first.address, limitsOf(first)], [second.address, [3]]);
    await isServed(first.address);
  });
});

test('shared: while one worker is blocked the other serves; with highWaterMark 0 at most one waits for it', async () => {
  const port = await freePort();
  const order: Order = { kind: 'attach', args: [{ ...WHERE, port }], loop: { highWaterMark: 0 } };
  await withWorkers([order, order], async ([first], [blocked, free]) => {
    assert.ok(first && blocked && free);
    blocked.send({ blockMs: 1000 });
    const clients = Array.from({ length: 20 }, (_, index) => clientOf(first.address, `hello ${index}`));
    await Promise.all(clients.map((client) => client.has(/hello \d+/)));
    for (const { socket } of clients) socket.end();
    await Promise.all(clients.map((client) => client.all()));
    const served = [(await answerOf(blocked, {})).served, (await answerOf(free, {})).served] as const;
    assert.equal(served[0] + served[1], 20);
    assert.ok(served[1] >= 18, `the free one served ${served[1]}`);
  });
});

test('shared: both workers serve, and each may go while the other stays', async () => {
  const port = await freePort();
  const order: Order = { kind: 'drop-in', args: [{ ...WHERE, port, backlog: 200 }] };
  await withWorkers([order], async ([first]) => {
    assert.ok(first);
    await withWorkers([order], async () => {
      for (let i = 0; i < 20; i++) await isServed(first.address);
    });
    assert.deepEqual(limitsOf(first), [200]);
    for (let i = 0; i < 5; i++) await isServed(first.address);
  });
});
