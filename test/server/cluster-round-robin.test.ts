// The primary listens and accepts, and hands the connections to its workers: Node's default.
import assert from 'node:assert/strict';
import cluster from 'node:cluster';
import * as path from 'node:path';
import { test } from 'node:test';
import { needsTool, temporaryFolder } from '../support/machine';
import {
  answerOf,
  BACKLOGS,
  bePrimary,
  isServed,
  limitsOf,
  withWorkers,
  type Order,
} from './cluster-support';

const skip = needsTool('ss');
const folder = temporaryFolder();
const HOST = '127.0.0.1';
bePrimary(cluster.SCHED_RR);

let sockets = 0;
const somewhere = (): string => path.join(folder, `socket-${sockets++}`);

/** The ways to ask for a backlog, each in a worker. */
const FORMS: [form: string, order: (backlog: number | undefined) => Order][] = [
  ['{ port }', (backlog) => ({ kind: 'drop-in', args: [{ port: 0, backlog }] })],
  ['{ port, host }', (backlog) => ({ kind: 'drop-in', args: [{ port: 0, host: HOST, backlog }] })],
  ['(port, backlog)', (backlog) => ({ kind: 'drop-in', args: backlog === undefined ? [0] : [0, backlog] })],
  [
    '(port, host, backlog)',
    (backlog) => ({ kind: 'drop-in', args: backlog === undefined ? [0, HOST] : [0, HOST, backlog] }),
  ],
  ['{ path }', (backlog) => ({ kind: 'drop-in', args: [{ path: somewhere(), backlog }] })],
  [
    '(path, backlog)',
    (backlog) => ({ kind: 'drop-in', args: backlog === undefined ? [somewhere()] : [somewhere(), backlog] }),
  ],
  ['attach', (backlog) => ({ kind: 'attach', args: [{ port: 0, host: HOST, backlog }] })],
];

for (const [form, orderFor] of FORMS) {
  test(
    `round robin, ${form}: the primary listens with the backlog that was asked for, 0 and -1 too`,
    { skip },
    async () => {
      for (const [asked, limit] of BACKLOGS) {
        await withWorkers([orderFor(asked)], async ([answer]) => {
          assert.ok(answer);
          assert.deepEqual([answer.error, limitsOf(answer)], [undefined, [limit]], `asked for ${asked}`);
          await isServed(answer.address);
        });
      }
    },
  );
}

test('round robin: net.Server beside it: 0 becomes 511', { skip }, async () => {
  await withWorkers([{ kind: 'net', args: [{ port: 0, host: HOST, backlog: 0 }] }], async ([answer]) => {
    assert.ok(answer);
    assert.deepEqual(limitsOf(answer), [511]);
    await isServed(answer.address);
  });
});

test(
  'round robin: there is no accept loop, which is a warning only if options were asked for',
  { skip },
  async () => {
    const where = { port: 0, host: HOST };
    const orders: Order[] = [
      { kind: 'drop-in', args: [where] },
      { kind: 'drop-in', args: [where], loop: false },
      { kind: 'attach', args: [where] },
      { kind: 'drop-in', args: [where], loop: { maxWaiting: 5, overload: 'reset' } },
      { kind: 'attach', args: [where], loop: { maxConnections: 5 } },
    ];
    await withWorkers(orders, async (answers) => {
      assert.deepEqual(
        answers.map(({ loop }) => loop),
        [false, false, false, false, false],
      );
      const [one] = answers;
      const warned = ['LISTENQ_CLUSTER_PRIMARY'];
      assert.deepEqual(
        answers.map(({ warnings }) => warnings),
        [[], [], [], warned, warned],
      );
      assert.ok(one);
      await isServed(one.address);
    });
  },
);

test(
  'round robin: of two workers that ask for different backlogs at one port the first decides',
  { skip },
  async () => {
    const [port] = await withWorkers([{ kind: 'drop-in', args: [{ port: 0, host: HOST }] }], ([one]) =>
      Promise.resolve([(one?.address as { port: number }).port]),
    );
    const orderFor = (backlog: number): Order => ({ kind: 'drop-in', args: [{ port, host: HOST, backlog }] });
    await withWorkers([orderFor(3), orderFor(0)], async ([first, second], workers) => {
      assert.ok(first && second);
      assert.deepEqual([limitsOf(first), second.address], [[3], first.address]);
      for (let i = 0; i < 4; i++) await isServed(first.address);
      const served = [];
      for (const worker of workers) served.push((await answerOf(worker, {})).served);
      assert.deepEqual(served, [2, 2]);
    });
  },
);

test(
  'round robin: exclusive: a queue and an accept loop of its own, with the backlog',
  { skip },
  async () => {
    for (const [asked, limit] of BACKLOGS) {
      const order: Order = {
        kind: 'drop-in',
        args: [{ port: 0, host: HOST, exclusive: true, backlog: asked }],
      };
      await withWorkers([order], async ([answer]) => {
        assert.ok(answer);
        assert.deepEqual([limitsOf(answer), answer.loop, answer.warnings], [[limit], true, []]);
        await isServed(answer.address);
      });
    }
  },
);

test(
  'round robin, attach with reusePort: each worker has a queue and an accept loop of its own',
  { skip },
  async () => {
    const where = { port: 0, host: HOST, reusePort: true };
    await withWorkers([{ kind: 'attach', args: [{ ...where, backlog: 0 }] }], async ([first]) => {
      assert.ok(first);
      const { port } = first.address as { port: number };
      await withWorkers([{ kind: 'attach', args: [{ ...where, port, backlog: 200 }] }], async ([second]) => {
        assert.ok(second);
        assert.deepEqual(limitsOf(first), [0, 200]);
        assert.deepEqual([first.loop, second.loop], [true, true]);
        for (let i = 0; i < 5; i++) await isServed(first.address);
      });
    });
  },
);
