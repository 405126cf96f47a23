// What accepting costs, beside others: npm run bench [-- --quick] [--row NAME] [--rounds N] [--json]
// A full run writes docs/benchmarks.md; any other only prints. Needs g++ and a built checkout, for most rows root.
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pinning } from './lib/cores.mjs';
import { describeMachine } from './lib/machine.mjs';
import { measureRow } from './lib/measure.mjs';
import { usePrivateNetwork } from './lib/private-network.mjs';
import { compilePrograms } from './lib/programs.mjs';
import { report } from './lib/report.mjs';
import { cpu } from './rows/cpu.mjs';
import { drain } from './rows/drain.mjs';
import { growth } from './rows/growth.mjs';
import { idle } from './rows/idle.mjs';
import { memory } from './rows/memory.mjs';
import { stall } from './rows/stall.mjs';
import { FULL, QUICK } from './settings.mjs';

const ROWS = [cpu, drain, stall, idle, memory, growth];
/** As much as the longest queue of any row, and some. */
const SOMAXCONN = 8192;
const REPORT = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url));

const say = (line) => process.stderr.write(`${line}\n`);

function giveUp(message) {
  say(`bench: ${message}`);
  process.exit(2);
}

function parse() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      row: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const settings = { ...(values.quick ? QUICK : FULL) };
  if (values.rounds !== undefined) settings.rounds = Number(values.rounds);
  if (!Number.isInteger(settings.rounds) || settings.rounds < 1)
    giveUp(`--rounds ${values.rounds} is no count`);
  const unknown = values.row.find((name) => !ROWS.some((row) => row.name === name));
  if (unknown !== undefined) giveUp(`--row ${unknown} is none of ${ROWS.map((row) => row.name).join(', ')}`);
  const rows = ROWS.filter((row) => values.row.length === 0 || values.row.includes(row.name));
  return { ...values, settings, rows, complete: rows.length === ROWS.length && !values.quick };
}

function whyNot(row, { quick, notPrivate }) {
  if (row.slow === true && quick) return 'it takes minutes, and --quick leaves it out';
  return row.needsPrivateNetwork === true ? notPrivate : undefined;
}

async function main() {
  const options = parse();
  compilePrograms();
  const began = performance.now();
  const [loadBefore] = loadavg();
  const notPrivate = usePrivateNetwork(SOMAXCONN);
  const results = [];
  for (const row of options.rows) {
    const unmeasured = whyNot(row, { ...options, notPrivate });
    const nothing = { rounds: 0, samples: {}, failures: {} };
    const found = unmeasured === undefined ? await measureRow(row, options.settings, say) : nothing;
    results.push({ row, unmeasured, ...found });
  }
  const run = {
    command: ['npm run bench', ...(process.argv.length > 2 ? ['--'] : []), ...process.argv.slice(2)].join(
      ' ',
    ),
    settings: options.settings,
    machine: describeMachine(),
    pinning,
    loadBefore,
    network: notPrivate ?? `a namespace of its own, net.core.somaxconn ${SOMAXCONN} there`,
    minutes: ((performance.now() - began) / 60_000).toFixed(0),
    results,
  };
  const text = report(run);
  process.stdout.write(options.json ? JSON.stringify(run) : text);
  if (options.complete) writeFileSync(REPORT, text);
}

await main().catch((error) => giveUp(error.stack));
