// What it costs to be watched: node bench/monitoring.mjs [--quick] [--row NAME] [--rounds N] [--json]. A full run writes
// bench/monitoring.md. LISTENQ_BENCH_BEFORE names another checkout, built, to be measured beside this one in `channels`.
import { runRows } from './lib/run-rows.mjs';
import { sampled } from './rows/sampled.mjs';
import { scrapes } from './rows/scrape.mjs';
import { channels } from './rows/throughput.mjs';

await runRows({
  title: 'What it costs to be watched',
  command: 'node bench/monitoring.mjs',
  rows: [channels, sampled, scrapes],
  rounds: 5,
  file: new URL('monitoring.md', import.meta.url),
});
