import { everyRoundGoal } from '../lib/goals.mjs';
import { listenOverflows } from '../lib/kernel-figures.mjs';
import { openLoop } from '../lib/load.mjs';
import { PEERS, withServer } from '../peers/index.mjs';

const BACKLOG = 511;
const BUSY_MS = 500;
const PERIOD_MS = 1000;

const figures = {
  overflows: (sample) => sample.overflows,
  unserved: (sample) => sample.unserved + sample.refused,
  p99: (sample) => sample.p99,
};

const goals = (what, of) => [
  everyRoundGoal({ what: `${what}: overflows`, of, value: figures.overflows, atMost: 0 }),
  everyRoundGoal({ what: `${what}: clients never served`, of, value: figures.unserved, atMost: 0 }),
  everyRoundGoal({
    what: `${what}: 99th percentile`,
    of,
    value: figures.p99,
    atMost: BUSY_MS + 50,
    unit: 'ms',
  }),
];

export const stall = {
  name: 'stall',
  title: 'While the event loop is blocked',
  about: ({ stall: { rate, seconds, grace } }) =>
    `The main thread computes for ${BUSY_MS} ms of each second, on the one core that the whole server has. ${rate} ` +
    `clients arrive each second for ${seconds} s, backlog ${BACKLOG}; they are timed from when they are due until the ` +
    `server's byte is there, and given up ${grace} s after the last arrival. Percentiles are of those that were served. ` +
    'C and CPython have no event loop that could be blocked; Bun listens with 512, whatever it is asked for.',
  needsPrivateNetwork: true,
  peers: PEERS,
  columns: [
    { title: 'overflows', value: figures.overflows, digits: 0, range: true },
    {
      title: 'never served, in 100',
      value: (s) => (100 * figures.unserved(s)) / s.arrived,
      digits: 2,
      range: true,
    },
    { title: '50th percentile, ms', value: (sample) => sample.p50, digits: 1 },
    { title: '99th percentile, ms', value: figures.p99, digits: 1, range: true },
    { title: 'longest, ms', value: (sample) => sample.max, digits: 1 },
  ],

  measure(peer, { stall: { rate, seconds, grace } }) {
    const stalled = peer.eventLoop ? { stall: `${BUSY_MS}/${PERIOD_MS}` } : {};
    return withServer(peer, { backlog: BACKLOG, answer: true, ...stalled }, async (server) => {
      const before = listenOverflows();
      const load = await openLoop(server.port, { rate, seconds, grace });
      if (load.served === 0) throw new Error('nobody was served');
      return { ...load, overflows: listenOverflows() - before };
    });
  },

  goals: [
    ...goals('blocked event loop, acceptLoop giving Connection', 'connection'),
    ...goals('blocked event loop, acceptLoop giving net.Socket', 'socket'),
    ...goals('blocked event loop, blocking in a worker', 'blocking'),
  ],
};
