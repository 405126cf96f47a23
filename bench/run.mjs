// What accepting costs, beside others: npm run bench [-- --quick] [--row NAME] [--rounds N] [--json]
// A full run writes docs/benchmarks.md.
import { runRows } from './lib/run-rows.mjs';
import { cpu } from './rows/cpu.mjs';
import { drain } from './rows/drain.mjs';
import { growth } from './rows/growth.mjs';
import { idle } from './rows/idle.mjs';
import { memory } from './rows/memory.mjs';
import { stall } from './rows/stall.mjs';

await runRows({
  title: 'What accepting costs',
  command: process.argv.length > 2 ? 'npm run bench --' : 'npm run bench',
  rows: [cpu, drain, stall, idle, memory, growth],
  rounds: 5,
  file: new URL('../docs/benchmarks.md', import.meta.url),
});
