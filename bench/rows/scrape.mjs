import { fileURLToPath } from 'node:url';
import { Child } from '../lib/children.mjs';
import { medianGoal } from '../lib/goals.mjs';

const COUNTS = [1, 10, 100];

const inNode = (file, ...args) => [
  process.execPath,
  fileURLToPath(new URL(`../peers/${file}`, import.meta.url)),
  ...args.map(String),
];

async function scrape(port, requests) {
  const scraper = new Child(inNode('scraper.mjs', port, requests));
  try {
    return JSON.parse(await scraper.line());
  } finally {
    await scraper.end();
  }
}

export const scrapes = {
  name: 'scrape',
  title: 'How long a scrape takes',
  about: ({ scrape: { scrapes: count } }) =>
    `${count} requests for /metrics over HTTP, one after another over one connection: from the request to ` +
    'the end of the answer, as a client in JavaScript sees it. Nobody is tied to a core here: V8 collects garbage with ' +
    'threads of its own, and would wait for them.',
  peers: COUNTS.map((count) => ({ key: `of${count}`, name: `listeners: ${count}`, count })),
  columns: [
    { title: '50th percentile, ms', value: (sample) => sample.p50, digits: 2, range: true },
    { title: '99th percentile, ms', value: (sample) => sample.p99, digits: 2, range: true },
  ],

  async measure({ count }, { scrape: { scrapes: requests } }) {
    const server = new Child(inNode('monitored.mjs', count, 'metrics'));
    try {
      const port = /^port (\d+)$/.exec(await server.line())[1];
      return await scrape(port, requests);
    } finally {
      await server.end();
    }
  },

  goals: [
    medianGoal({
      what: '99th percentile of a scrape, 100 listeners',
      of: 'of100',
      value: (sample) => sample.p99,
      atMost: 5,
      unit: 'ms',
      digits: 2,
    }),
  ],
};
