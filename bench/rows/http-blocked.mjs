import { everyRoundGoal } from '../lib/goals.mjs';
import { listenOverflows } from '../lib/kernel-figures.mjs';
import { httpOpenLoop } from '../lib/load.mjs';
import { HTTP, withServer } from '../peers/index.mjs';

const BACKLOG = 511;
const BUSY_MS = 500;
const PERIOD_MS = 1000;

const inHundred = (title, name) => ({
  title: `${title}, in 100`,
  value: (sample) => (100 * sample[name]) / sample.arrived,
  digits: 1,
  range: true,
});
const milliseconds = (title, name) => ({ title: `${title}, ms`, value: (sample) => sample[name], digits: 0 });
const errors = (sample) => sample.refused + sample.reset + sample.cut + sample.timedOut;

const blocked = ({ name, title, rate, goals }) => ({
  name,
  title,
  about: ({ httpBlocked: { seconds, patience } }) =>
    `The event loop computes for ${BUSY_MS} ms of each second. ${rate} clients arrive each second for ` +
    `${seconds} s, one request each, backlog ${BACKLOG}; a client is timed from when it is due to the end of its answer, ` +
    `and gives up after ${patience} s. Percentiles are of those that were answered, 503 included.`,
  needsPrivateNetwork: true,
  peers: [HTTP.plain, HTTP.attach, HTTP.overload],
  columns: [
    inHundred('refused', 'refused'),
    inHundred('reset', 'reset'),
    inHundred('cut off', 'cut'),
    inHundred('timed out', 'timedOut'),
    inHundred('answered 503', 'busy'),
    { title: 'SYNs dropped', value: (sample) => sample.overflows, digits: 0, range: true },
    milliseconds('50th percentile', 'p50'),
    milliseconds('90th', 'p90'),
    milliseconds('99th', 'p99'),
    milliseconds('longest', 'max'),
  ],

  measure(peer, { httpBlocked: { seconds, patience } }) {
    const stall = `${BUSY_MS}/${PERIOD_MS}`;
    return withServer(peer, { backlog: BACKLOG, stall }, async (server) => {
      const before = listenOverflows();
      const load = await httpOpenLoop(server.port, { rate, seconds, patience });
      if (load.served === 0) throw new Error('nobody was served');
      return { ...load, overflows: listenOverflows() - before };
    });
  },

  goals,
});

const noErrors = (what) => everyRoundGoal({ what, of: 'attach', value: errors, atMost: 0 });

export const httpOverflow = blocked({
  name: 'overflow',
  title: 'HTTP, the event loop blocked, more clients than the queue holds',
  rate: 2000,
  goals: [
    noErrors('blocked event loop, attach: errors'),
    everyRoundGoal({
      what: 'blocked event loop, attach: 99th percentile',
      of: 'attach',
      value: (sample) => sample.p99,
      atMost: BUSY_MS + 100,
      unit: 'ms',
    }),
  ],
});

export const httpBlocked = blocked({
  name: 'blocked',
  title: 'HTTP, the event loop blocked, fewer clients than the queue holds',
  rate: 800,
  goals: [noErrors('blocked event loop, short queue, attach: errors')],
});
