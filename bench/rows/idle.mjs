import { setTimeout as sleep } from 'node:timers/promises';
import { differenceGoal, medianGoal } from '../lib/goals.mjs';
import { oneByOne } from '../lib/load.mjs';
import { cpuNanoseconds } from '../lib/process-figures.mjs';
import { PEERS, withServer } from '../peers/index.mjs';

const p50 = (sample) => sample.p50;
const p99 = (sample) => sample.p99;
const share = (sample) => sample.cpuPercent;

const latencyGoal = (what, of, value) =>
  differenceGoal({ what, of, to: 'netServer', than: 'net.Server', value, atMost: 60, unit: 'µs' });
const goals = (what, of) => [
  latencyGoal(`idle, ${what}: 50th percentile`, of, p50),
  latencyGoal(`idle, ${what}: 99th percentile`, of, p99),
  medianGoal({
    what: `idle, ${what}: CPU while it waits`,
    of,
    value: share,
    atMost: 0.1,
    unit: '%',
    digits: 3,
  }),
];

export const idle = {
  name: 'idle',
  title: 'One client at a time',
  about: ({ idle: { clients, pauseMs, seconds } }) =>
    `${clients} clients, one after another with ${pauseMs} ms between them: from before connect(2) to the byte that ` +
    `the handler sends. Then nobody comes for ${seconds} s: the CPU that the server takes all the same, in hundredths ` +
    'of one core.',
  peers: PEERS,
  columns: [
    { title: '50th percentile, µs', value: p50, digits: 0, range: true },
    { title: '99th percentile, µs', value: p99, digits: 0, range: true },
    { title: 'CPU while waiting, %', value: share, digits: 3, range: true },
  ],
  differences: [
    { title: '50th: µs more than net.Server', to: 'netServer', value: p50 },
    { title: '99th: µs more than net.Server', to: 'netServer', value: p99 },
  ],

  measure(peer, { idle: { clients, pauseMs, seconds } }) {
    return withServer(peer, { backlog: 511, answer: true }, async (server) => {
      await oneByOne(server.port, { clients: Math.ceil(clients / 4), pauseMs });
      const latency = await oneByOne(server.port, { clients, pauseMs });
      const before = cpuNanoseconds(server.pid);
      await sleep(seconds * 1000);
      return { ...latency, cpuPercent: (cpuNanoseconds(server.pid) - before) / 1e7 / seconds };
    });
  },

  goals: [
    ...goals('blocking in a worker', 'blocking'),
    ...goals('acceptLoop giving Connection', 'connection'),
    ...goals('acceptLoop giving net.Socket', 'socket'),
    ...goals('serveBlocking', 'serveBlocking'),
  ],
};
