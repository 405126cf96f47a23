import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { listen } from '../../dist/index.js';
import { Child } from '../lib/children.mjs';
import { onServerCore } from '../lib/cores.mjs';
import { medianGoal } from '../lib/goals.mjs';
import { cpuNanoseconds } from '../lib/process-figures.mjs';

const LISTENERS = 10;
const SETTLE_MS = 3000;

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const monitored = (who) => () => start(['../peers/monitored.mjs', String(LISTENERS), who], /^port (\d+)$/);
const page = () => start(['../../dist/cli/main.js', 'watch', '--http', '0'], /:(\d+)\/$/);

async function start([file, ...args], announcement) {
  const child = new Child(onServerCore([process.execPath, here(file), ...args]));
  try {
    const port = Number(announcement.exec(await child.line())?.[1]);
    return Object.assign(child, { port });
  } catch (error) {
    await child.end();
    throw error;
  }
}

/** Asks for `path`, and reads what comes for as long as it comes. */
function read(port, path) {
  return request({ port, path, host: '127.0.0.1' }, (response) => response.resume())
    .on('error', () => undefined)
    .end();
}

const PEERS = [
  { key: 'nobody', name: 'nobody looks', begin: monitored('nobody') },
  { key: 'watchQueue', name: 'watchQueue, each second', begin: monitored('watchQueue') },
  {
    key: 'scraped',
    name: 'prometheusMetrics, scraped each second',
    begin: monitored('metrics'),
    eachSecond: (port) => read(port, '/metrics'),
  },
  { key: 'watch', name: 'listenq watch --http, no page open', begin: page },
  {
    key: 'page',
    name: 'listenq watch --http, a page open',
    begin: page,
    once: (port) => read(port, '/events'),
  },
];

const share = (sample) => sample.cpuPercent;
const goal = (what, of) => medianGoal({ what, of, value: share, atMost: 1, unit: '%', digits: 2 });

export const sampled = {
  name: 'sampled',
  title: `What it costs to look at ${LISTENERS} listeners each second`,
  about: ({ sampled: { seconds } }) =>
    `CPU of the process that looks, all its threads, over ${seconds} s, in hundredths of one core. The metrics are of ` +
    'the listeners’ own process; the page is served by one of its own, which reads all listeners of the network namespace.',
  peers: PEERS,
  columns: [{ title: 'CPU, %', value: share, digits: 2, range: true }],

  async measure(peer, { sampled: { seconds } }) {
    // For the page; the others have their own.
    const listeners = Array.from({ length: LISTENERS }, () => listen({ host: '127.0.0.1' }));
    const child = await peer.begin();
    const client = peer.once?.(child.port);
    const asking = peer.eachSecond && setInterval(peer.eachSecond, 1000, child.port);
    try {
      await sleep(SETTLE_MS);
      const before = cpuNanoseconds(child.pid);
      await sleep(seconds * 1000);
      return { cpuPercent: (cpuNanoseconds(child.pid) - before) / 1e7 / seconds };
    } finally {
      clearInterval(asking);
      client?.destroy();
      await child.end();
      for (const listener of listeners) listener.close();
    }
  },

  goals: [
    goal(`${LISTENERS} listeners watched each second`, 'watchQueue'),
    goal(`${LISTENERS} listeners scraped each second`, 'scraped'),
    goal('one page open', 'page'),
  ],
};
