// A command that measures rows: [--quick] [--row NAME] [--rounds N] [--json]. A full run writes the report, any other only
// prints. Needs g++ and a built checkout, for most rows root.
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FULL, QUICK } from '../settings.mjs';
import { pinning } from './cores.mjs';
import { describeMachine } from './machine.mjs';
import { measureRow } from './measure.mjs';
import { usePrivateNetwork } from './private-network.mjs';
import { compilePrograms } from './programs.mjs';
import { report } from './report.mjs';

/** As much as the longest queue of any row, and some. */
const SOMAXCONN = 8192;

const say = (line) => process.stderr.write(`${line}\n`);

function giveUp(message) {
  say(`bench: ${message}`);
  process.exit(2);
}

function parse(known, rounds) {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      row: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const settings = { ...(values.quick ? QUICK : { ...FULL, rounds }) };
  if (values.rounds !== undefined) settings.rounds = Number(values.rounds);
  if (!Number.isInteger(settings.rounds) || settings.rounds < 1)
    giveUp(`--rounds ${values.rounds} is no count`);
  const unknown = values.row.find((name) => !known.some((row) => row.name === name));
  if (unknown !== undefined) giveUp(`--row ${unknown} is none of ${known.map((row) => row.name).join(', ')}`);
  const rows = known.filter((row) => values.row.length === 0 || values.row.includes(row.name));
  return { ...values, settings, rows, complete: rows.length === known.length && !values.quick };
}

function whyNot(row, { quick, notPrivate }) {
  if (row.slow === true && quick) return 'it takes minutes, and --quick leaves it out';
  return row.needsPrivateNetwork === true ? notPrivate : undefined;
}

async function measureRows(options, notPrivate) {
  const results = [];
  for (const row of options.rows) {
    const unmeasured = whyNot(row, { ...options, notPrivate });
    const nothing = { rounds: 0, samples: {}, failures: {} };
    const found = unmeasured === undefined ? await measureRow(row, options.settings, say) : nothing;
    results.push({ row, unmeasured, ...found });
  }
  return results;
}

async function run({ title, command, rows, rounds, file }) {
  const options = parse(rows, rounds);
  compilePrograms();
  const began = performance.now();
  const [loadBefore] = loadavg();
  const notPrivate = usePrivateNetwork(SOMAXCONN);
  const results = await measureRows(options, notPrivate);
  const measured = {
    title,
    command: [command, ...process.argv.slice(2)].join(' '),
    settings: options.settings,
    machine: describeMachine(),
    pinning,
    loadBefore,
    network: notPrivate ?? `a namespace of its own, net.core.somaxconn ${SOMAXCONN} there`,
    minutes: ((performance.now() - began) / 60_000).toFixed(0),
    results,
  };
  const text = report(measured);
  process.stdout.write(options.json ? JSON.stringify(measured) : text);
  if (options.complete) writeFileSync(fileURLToPath(file), text);
}

/** `what`: the report's title, the command as the user types it, its rows, how many rounds, and the report's file. */
export const runRows = (what) => run(what).catch((error) => giveUp(error.stack));
