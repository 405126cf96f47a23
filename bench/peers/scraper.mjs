// Asks for /metrics over and over, over one connection, as Prometheus does: scraper.mjs <port> <how often>. Prints the
// percentiles in milliseconds, from the request to the end of the answer, as JSON.
import { request } from 'node:http';

const WARM_UP = 100;
const [port, count] = process.argv.slice(2).map(Number);

function scrape() {
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1' }, (response) => response.resume().on('end', resolve))
      .on('error', reject)
      .end();
  });
}

const times = [];
for (let i = 0; i < WARM_UP + count; i++) {
  const before = performance.now();
  await scrape();
  if (i >= WARM_UP) times.push(performance.now() - before);
}
times.sort((a, b) => a - b);
const percentile = (share) => times[Math.ceil(times.length * share) - 1];
process.stdout.write(`${JSON.stringify({ p50: percentile(0.5), p99: percentile(0.99) })}\n`);
