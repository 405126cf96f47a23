import * as fs from 'node:fs';
import * as path from 'node:path';
import { usage, wholeNumber } from '../arguments';
import { isPossible, isRewritten } from '../compare/arrivals';
import { DEFAULT_BACKLOGS, parseBacklogs } from '../compare/backlogs';
import type { Cell, Effort } from '../compare/cell';
import { thisMachine, type Comparison } from '../compare/comparison';
import { enterNetwork, ROOMY_SOMAXCONN, runInUserNamespace, type Network } from '../compare/network';
import { jsonReport, markdownReport, textReport, troubles } from '../compare/report';
import { runProbes } from '../compare/run';
import { parseWays, wayOf, WAYS, type WayId } from '../compare/ways';
import { terminalOf } from '../terminal';
import { Option, type Command } from '../vendor';

interface Options {
  backlog: string[];
  way: WayId[];
  quick?: true;
  json?: true;
  markdown?: string | true;
  /** False under --no-private. */
  private: boolean;
  somaxconn: number;
}

const MARKDOWN_FILE = path.join('docs', 'compare.md');

const THOROUGH: Effort = { countAll: 70_000, countSome: 5_000, awaitRetransmission: true };
const QUICK: Effort = { countAll: 1_000, countSome: 1_000, awaitRetransmission: false };

const EPILOGUE = `
The integer is observed at the system call, in the probe process and its children; it is never inferred. With no
rights at all it runs as well, in a private network namespace where the system lets it, so that net.core.somaxconn
can be raised there and nothing outside is touched.

Ways: ${WAYS.map(({ id }) => id).join(', ')}`;

export function register(program: Command): void {
  program
    .command('compare')
    .summary('show which backlog reaches the kernel: listenq against net.Server')
    .description(
      'For each backlog and each way to ask for it, really listens, and shows the integer that arrived at listen(2), ' +
        'what the kernel holds, how many clients it admits, and what the next one sees.',
    )
    .addOption(
      new Option('--backlog <list>', `backlogs as in JavaScript, with commas between: 0,-1,undefined,NaN,'7'`)
        .argParser(usage(parseBacklogs))
        .default([...DEFAULT_BACKLOGS], 'fifteen that tell much'),
    )
    .addOption(
      new Option('--way <list>', 'ways to ask, with commas between').argParser(usage(parseWays)).default(
        WAYS.map(({ id }) => id),
        'all',
      ),
    )
    .option('--quick', 'count no further than 1000 clients, and do not wait for retransmissions')
    .option('--json', 'print JSON')
    .option('--markdown [file]', `write a document (default: ${MARKDOWN_FILE})`)
    .option('--no-private', 'stay on the real loopback; nothing is changed there')
    .addOption(
      new Option('--somaxconn <n>', 'net.core.somaxconn of the private network namespace')
        .argParser(wholeNumber(0, 2 ** 31 - 1))
        .default(ROOMY_SOMAXCONN)
        .conflicts('private'),
    )
    .addHelpText('after', EPILOGUE)
    .action(compare);
}

async function compare(options: Options): Promise<void> {
  const document = options.markdown === undefined ? undefined : prepareDocument(options.markdown);
  const network = enterNetwork(options.private, options.somaxconn);
  if (network === 'in a child') {
    process.exitCode = await runInUserNamespace();
    return;
  }
  const comparison = await measure(options, network);
  write(comparison, options, document);
  const wrong = complaints(comparison.cells);
  if (wrong.length === 0) return;
  for (const line of wrong) process.stderr.write(`listenq: ${line}\n`);
  process.exitCode = 1;
}

async function measure(options: Options, network: Network): Promise<Comparison> {
  const effort = options.quick === true ? QUICK : THOROUGH;
  const abort = new AbortController();
  const interrupt = (signal: NodeJS.Signals): void => {
    abort.abort(new Error(`interrupted by ${signal}`));
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, interrupt);
  const began = performance.now();
  try {
    const plan = { ways: options.way, backlogs: options.backlog, effort };
    const cells = await runProbes(plan, abort.signal, showProgress);
    return { machine: thisMachine(), network, effort, seconds: (performance.now() - began) / 1000, cells };
  } finally {
    clearProgress();
    for (const signal of signals) process.off(signal, interrupt);
  }
}

function showProgress(done: number, all: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\rmeasured ${done} of ${all}`);
}

function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
}

/** Fails before anything is measured, rather than after a minute. @returns the file's full path */
function prepareDocument(file: string | true): string {
  const document = path.resolve(file === true ? MARKDOWN_FILE : file);
  fs.mkdirSync(path.dirname(document), { recursive: true });
  fs.closeSync(fs.openSync(document, 'a'));
  return document;
}

function write(comparison: Comparison, { json }: Options, document: string | undefined): void {
  if (document !== undefined) {
    fs.writeFileSync(document, markdownReport(comparison));
    // Not among the JSON, which a program reads.
    (json === true ? process.stderr : process.stdout).write(`wrote ${document}\n`);
  }
  if (json === true) process.stdout.write(`${jsonReport(comparison)}\n`);
  else if (document === undefined) process.stdout.write(textReport(comparison, terminalOf(process.stdout)));
}

/** What makes the command fail: cells without a result, and a listenq that did not hand over what it was asked for. */
function complaints(cells: readonly Cell[]): string[] {
  const off = cells.filter(
    (cell) =>
      wayOf(cell.way).who === 'listenq' && isPossible(cell) && cell.arrived !== null && isRewritten(cell),
  );
  const missing = troubles(cells);
  return [
    ...off.map(({ asked, arrived }) => `asked for ${asked}, listen(2) got ${arrived}`),
    ...(missing.length === 0
      ? []
      : [
          `${missing.length} ${missing.length === 1 ? 'thing' : 'things'} could not be measured: ${missing[0]}`,
        ]),
  ];
}
