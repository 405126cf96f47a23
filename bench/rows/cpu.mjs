import { ratioGoal } from '../lib/goals.mjs';
import { closedLoop } from '../lib/load.mjs';
import { cpuNanoseconds, wakeUps } from '../lib/process-figures.mjs';
import { PEERS, withServer } from '../peers/index.mjs';

const CLIENTS = 64;
const microseconds = (sample) => sample.microseconds;
const goal = (what, of, atMost, to, times) =>
  ratioGoal({ what: `CPU per connection, ${what}`, of, to, times, value: microseconds, atMost });

export const cpu = {
  name: 'cpu',
  title: 'Server CPU per accepted connection',
  about: ({ cpu: { seconds } }) =>
    `${CLIENTS} clients in a closed loop, ${seconds} s: each connects, is accepted and closed, and connects again. ` +
    'User and system time of the whole server process.',
  peers: PEERS,
  columns: [
    { title: 'µs per connection', value: microseconds, digits: 1, range: true },
    { title: 'wake-ups per connection', value: (sample) => sample.wakeUps, digits: 2 },
    { title: 'connections per second', value: (sample) => sample.perSecond, digits: 0 },
  ],
  ratios: [
    { title: '× C', to: 'c', value: microseconds },
    { title: '× Bun', to: 'bun', value: microseconds },
    { title: '× net.Server', to: 'netServer', value: microseconds },
  ],

  measure(peer, { cpu: { warmUpSeconds, seconds } }) {
    return withServer(peer, { backlog: 4096 }, async (server) => {
      await closedLoop(server.port, { clients: CLIENTS, seconds: warmUpSeconds });
      const before = { cpu: cpuNanoseconds(server.pid), wakeUps: wakeUps(server.pid) };
      const load = await closedLoop(server.port, { clients: CLIENTS, seconds });
      return {
        microseconds: (cpuNanoseconds(server.pid) - before.cpu) / 1000 / load.served,
        wakeUps: (wakeUps(server.pid) - before.wakeUps) / load.served,
        perSecond: load.served / load.seconds,
      };
    });
  },

  goals: [
    goal('blocking in a worker', 'blocking', 1.25, 'c', 'C'),
    goal('acceptLoop giving Connection', 'connection', 1.6, 'c', 'C'),
    goal('acceptLoop giving Connection', 'connection', 1, 'bun', 'Bun'),
    goal('acceptLoop giving net.Socket', 'socket', 1.1, 'netServer', 'net.Server'),
  ],
};
