import { explainBacklog, type ModelLimits } from 'listenq/kernel';
import { usage, wholeNumber } from '../arguments';
import { addLimit } from '../explain/limits';
import { interruptible } from '../interruptible';
import { GROUPS, type Group } from '../model/case';
import { allCases } from '../model/cases';
import { isSound, jsonReport, listJson, listText, textReport } from '../model/report';
import { runModel, type ModelRun } from '../model/run';
import { terminalOf } from '../terminal';
import { InvalidArgumentError, type Command } from '../vendor';

interface Options {
  quick?: true;
  group?: Group[];
  random?: number;
  seed?: number;
  pretend?: ModelLimits;
  json?: true;
  list?: true;
}

const RANDOM = { all: 100, quick: 10 };
const UINT32 = 2 ** 32;

const NOTES = `
Predicts, by explainBacklog() of listenq/kernel, what this kernel makes of combinations of a backlog and
net.core.somaxconn, net.ipv4.tcp_max_syn_backlog, tcp_syncookies and tcp_abort_on_overflow, then does each in a private
network namespace and compares: how many clients wait, what the next ones see, how many half-open connections fit, which
counters move, when SYNs come again. Nothing outside of those namespaces is touched. A prediction that fails is a bug in
the model, or news of your kernel.

Groups: ${GROUPS.join(', ')}

Exit status: 0 if all predictions held that could be tested, 1 if one failed or none could be tested, 2 if the command
line was not understood.`;

export function register(program: Command): void {
  program
    .command('model')
    .summary('hold what this package predicts of a backlog against this kernel')
    .description('Holds what this package predicts of a backlog against this kernel.')
    .option('--quick', 'leave out what takes long: seconds instead of a minute')
    .option('--group <name>', 'only that group; may be given several times', chooseGroup)
    .option(
      '--random <n>',
      `so many random combinations (default: ${RANDOM.all}, quick ${RANDOM.quick})`,
      wholeNumber(0, 100_000),
    )
    .option('--seed <n>', 'the random ones that a run with this seed had', wholeNumber(0, UINT32 - 1))
    .option(
      '--pretend <limit=value>',
      'predict by a wrong limit, as somaxconn=7, to see it fail',
      usage(pretend),
    )
    .option('--json', 'print one JSON object')
    .option('--list', 'list the combinations, and run none')
    .addHelpText('after', NOTES)
    .action(model);
}

function chooseGroup(name: string, chosen: Group[] = []): Group[] {
  const group = GROUPS.find((one) => one === name);
  if (group === undefined) throw new InvalidArgumentError(`There is ${GROUPS.join(', ')}.`);
  return [...chosen, group];
}

/** A limit, or the release. What no kernel can have cannot be pretended. */
function pretend(text: string, before?: ModelLimits): ModelLimits {
  const [, kernelRelease] = /^kernelRelease=(.+)$/.exec(text) ?? [];
  const pretended = kernelRelease === undefined ? addLimit(text, before) : { ...before, kernelRelease };
  explainBacklog(0, pretended);
  return pretended;
}

async function model(options: Options): Promise<void> {
  const choice = {
    quick: options.quick === true,
    groups: options.group,
    random: options.random ?? (options.quick === true ? RANDOM.quick : RANDOM.all),
    seed: options.seed ?? Math.floor(Math.random() * UINT32),
  };
  if (options.list === true) {
    const cases = allCases(choice);
    process.stdout.write(`${options.json === true ? listJson(cases) : listText(cases)}\n`);
    return;
  }
  const run = await interruptible((signal) =>
    runModel({ ...choice, pretend: options.pretend ?? {}, signal, onResult: showProgress }),
  ).finally(clearProgress);
  print(run, options);
  if (!isSound(run.results)) process.exitCode = 1;
}

function print(run: ModelRun, { json }: Options): void {
  const text = json === true ? jsonReport(run) : textReport(run, terminalOf(process.stdout));
  process.stdout.write(`${text}\n`);
}

function showProgress(done: number, all: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\rtested ${done} of ${all}`);
}

function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
}
