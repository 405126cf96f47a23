import { request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { Child } from '../lib/children.mjs';
import { onServerCore } from '../lib/cores.mjs';
import { everyRoundGoal } from '../lib/goals.mjs';

const COUNTS = [1, 10, 100];
const WARM_UP = 50;
const program = fileURLToPath(new URL('../peers/monitored.mjs', import.meta.url));

function scrape(port) {
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1' }, (response) => response.resume().on('end', resolve))
      .on('error', reject)
      .end();
  });
}

async function milliseconds(port) {
  const before = performance.now();
  await scrape(port);
  return performance.now() - before;
}

const percentile = (sorted, share) => sorted[Math.ceil(sorted.length * share) - 1];

export const scrapes = {
  name: 'scrape',
  title: 'How long a scrape takes',
  about: ({ scrape: { scrapes } }) =>
    `${scrapes} requests for /metrics over HTTP, one after another, each over a connection of its own: from the request to ` +
    'the end of the answer.',
  peers: COUNTS.map((count) => ({ key: `of${count}`, name: `${count} listeners`, count })),
  columns: [
    { title: '50th percentile, ms', value: (sample) => sample.p50, digits: 2, range: true },
    { title: '99th percentile, ms', value: (sample) => sample.p99, digits: 2, range: true },
  ],

  async measure({ count }, { scrape: { scrapes } }) {
    const child = new Child(onServerCore([process.execPath, program, String(count), 'metrics']));
    try {
      const port = Number(/^port (\d+)$/.exec(await child.line())[1]);
      for (let i = 0; i < WARM_UP; i++) await scrape(port);
      const times = [];
      for (let i = 0; i < scrapes; i++) times.push(await milliseconds(port));
      times.sort((a, b) => a - b);
      return { p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
    } finally {
      await child.end();
    }
  },

  goals: [
    everyRoundGoal({
      what: '99th percentile of a scrape, 100 listeners',
      of: 'of100',
      value: (sample) => sample.p99,
      atMost: 5,
      unit: 'ms',
      digits: 2,
    }),
  ],
};
