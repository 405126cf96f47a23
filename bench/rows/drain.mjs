import { ratioGoal } from '../lib/goals.mjs';
import { fullQueue } from '../lib/load.mjs';
import { PEERS, withServer } from '../peers/index.mjs';

const BACKLOG = 4096;
const WARM_UP_CLIENTS = 500;
const empty = (sample) => sample.empty;
const served = (sample) => sample.served;

const goal = (what, of, value) =>
  ratioGoal({ what: `full queue, ${what}`, of, to: 'netServer', times: 'net.Server', value, atMost: 0.3 });
const goals = (what, of) => [
  goal(`${what}: until the queue is empty`, of, empty),
  goal(`${what}: until all are served`, of, served),
];

export const drain = {
  name: 'drain',
  title: 'Draining a queue that is already full',
  about: ({ drain: { clients } }) =>
    `The server is stopped (SIGSTOP) while ${clients} clients connect, and then continued: the time until the ` +
    'kernel’s queue is empty, and until the last client sees the end of its stream, each per client. The server has ' +
    `served ${WARM_UP_CLIENTS} others before.`,
  needsPrivateNetwork: true,
  peers: PEERS,
  columns: [
    { title: 'queue empty, µs', value: empty, digits: 1, range: true },
    { title: 'all served, µs', value: served, digits: 1, range: true },
  ],
  ratios: [
    { title: 'empty × net.Server', to: 'netServer', value: empty },
    { title: 'served × net.Server', to: 'netServer', value: served },
    { title: 'served × C', to: 'c', value: served },
  ],

  measure(peer, { drain: { clients } }) {
    return withServer(peer, { backlog: BACKLOG }, async (server) => {
      const warmUp = await fullQueue(server.port, { clients: WARM_UP_CLIENTS });
      await warmUp.release();
      server.signal('SIGSTOP');
      const queue = await fullQueue(server.port, { clients, stoppedServer: server.pid });
      const { emptyAfter, endedAfter } = await queue.release();
      return { empty: emptyAfter / clients, served: endedAfter / clients };
    });
  },

  goals: [
    ...goals('blocking in a worker', 'blocking'),
    ...goals('acceptLoop giving Connection', 'connection'),
    ...goals('acceptLoop giving net.Socket', 'socket'),
    ...goals('serveBlocking', 'serveBlocking'),
  ],
};
