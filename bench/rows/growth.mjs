import { setTimeout as sleep } from 'node:timers/promises';
import { everyRoundGoal } from '../lib/goals.mjs';
import { closedLoop } from '../lib/load.mjs';
import { residentBytes } from '../lib/process-figures.mjs';
import { peerNamed, withServer } from '../peers/index.mjs';

const STEPS = [100_000, 500_000, 1_000_000];
const SETTLE_MS = 300;
const mebibytes = (bytes) => bytes / 2 ** 20;

/** Less than one pointer: whatever is kept of a connection is more than that. */
const KEPT_BYTES = 8;
const perConnection = (sample) => (sample.resident[2] - sample.resident[1]) / (STEPS[2] - STEPS[1]);
const goal = (form, of) => {
  const what = `growth over 1,000,000 connections, ${form}`;
  return everyRoundGoal({
    what,
    of,
    value: perConnection,
    atMost: KEPT_BYTES,
    unit: 'bytes each',
    digits: 1,
  });
};

export const growth = {
  name: 'growth',
  title: 'Memory after many connections',
  about: () =>
    'Resident memory of the server after so many connections, each accepted and closed. A leak shows in the ' +
    'last column, from the 500,000th connection to the 1,000,000th: one that kept anything of each would keep at ' +
    `least a pointer, ${KEPT_BYTES} bytes.`,
  rounds: 1,
  slow: true,
  peers: ['c', 'blocking', 'connection', 'socket', 'serveBlocking', 'netServer'].map(peerNamed),
  columns: [
    ...STEPS.map((step, i) => ({
      title: `MiB after ${step.toLocaleString('en')}`,
      value: (sample) => mebibytes(sample.resident[i]),
      digits: 1,
    })),
    { title: 'bytes per connection', value: perConnection, digits: 1 },
  ],

  measure(peer) {
    return withServer(peer, { backlog: 4096 }, async (server) => {
      const resident = [];
      for (const [i, step] of STEPS.entries()) {
        await closedLoop(server.port, { connections: step - (STEPS[i - 1] ?? 0) });
        await sleep(SETTLE_MS);
        resident.push(residentBytes(server.pid));
      }
      return { resident };
    });
  },

  goals: [
    goal('blocking in a worker', 'blocking'),
    goal('acceptLoop giving Connection', 'connection'),
    goal('acceptLoop giving net.Socket', 'socket'),
    goal('serveBlocking', 'serveBlocking'),
  ],
};
