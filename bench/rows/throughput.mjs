import { ratioGoal } from '../lib/goals.mjs';
import { closedLoop, httpClosedLoop } from '../lib/load.mjs';
import { takeTurns } from '../lib/take-turns.mjs';
import { CHANNELS, HTTP, NET } from '../peers/index.mjs';

const CLIENTS = 64;
const BACKLOG = 511;
const perSecond = (sample) => sample.perSecond;
const microseconds = (sample) => sample.microseconds;

/** `what` is served, by `peers`, the first of which is the one to compare with; `load` asks for it. */
const throughput = ({ name, title, what, doing, peers, answer = true, load, goals }) => ({
  name,
  title: `${title}: ${what}s per second`,
  about: ({ throughput: { turns, seconds } }) =>
    `${CLIENTS} clients in a closed loop; the servers run side by side and take turns, ${turns} of ${seconds} s each: ` +
    doing,
  peers,
  columns: [
    { title: `${what}s per second`, value: perSecond, digits: 0, range: true },
    { title: `CPU, µs per ${what}`, value: microseconds, digits: 1, range: true },
    { title: `wake-ups per ${what}`, value: (sample) => sample.wakeUps, digits: 2 },
  ],
  ratios: [
    { title: `${what}s, × ${peers[0].name}`, to: peers[0].key, value: perSecond },
    { title: `CPU, × ${peers[0].name}`, to: peers[0].key, value: microseconds },
  ],
  measureTogether: (servers, settings) =>
    takeTurns(servers, { backlog: BACKLOG, answer }, settings.throughput, load),
  goals,
});

const http = ({ title, keepAlive, atLeast, ...rest }) =>
  throughput({
    ...rest,
    title,
    what: 'request',
    peers: [HTTP.plain, HTTP.attach],
    load: ({ port }, seconds) => httpClosedLoop(port, { clients: CLIENTS, seconds, keepAlive }),
    goals: [
      ratioGoal({
        what: title,
        of: 'attach',
        to: 'plain',
        value: perSecond,
        atLeast,
        times: HTTP.plain.name,
      }),
    ],
  });

export const httpKeepAlive = http({
  name: 'keep-alive',
  title: 'HTTP, keep-alive',
  doing: 'each asks again over the same connection.',
  keepAlive: true,
  atLeast: 0.97,
});

export const httpConnections = http({
  name: 'connections',
  title: 'HTTP, one request a connection',
  doing: 'each connects, asks with `Connection: close`, waits for the end, and connects again.',
  keepAlive: false,
  atLeast: 1,
});

export const dropIn = throughput({
  name: 'drop-in',
  title: 'createServer of listenq/server beside that of net',
  what: 'connection',
  doing: 'each connects, gets one byte and the end, and connects again.',
  peers: NET,
  load: ({ port }, seconds) => closedLoop(port, { clients: CLIENTS, seconds }),
  goals: [],
});

export const channels = throughput({
  name: 'channels',
  title: 'What subscribers to the channels cost an accept loop',
  what: 'connection',
  doing: 'each connects, is accepted and closed, and connects again.',
  peers: CHANNELS,
  answer: false,
  load: ({ port }, seconds) => closedLoop(port, { clients: CLIENTS, seconds }),
  goals: [],
});
