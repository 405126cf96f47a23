import { FACTS, GROUPS } from '../conformance/catalogue';
import type { Fact } from '../conformance/fact';
import type { PrivateNetwork } from '../conformance/needs';
import * as report from '../conformance/report';
import { runFacts, type FactResult } from '../conformance/session';
import { interruptible } from '../interruptible';
import { terminalOf } from '../terminal';
import { InvalidArgumentError, type Command } from '../vendor';

interface Options {
  all?: true;
  group?: string[];
  json?: true;
  list?: true;
  private: boolean;
}

const NOTES = `
Each fact makes the call, reads its effect back from the kernel, and compares it with what was measured on Linux 6.18.
A kernel that differs is no error of yours, nor is it always one of the kernel's; it is shown as it is.

Groups: ${GROUPS.join(', ')}

Exit status: 0 if no fact differs, 1 if one does, 2 if the command line was not understood.`;

export function register(program: Command): void {
  program
    .command('conformance')
    .summary('show which facts about listening sockets hold on this kernel')
    .description('Shows which facts about listening sockets hold on this kernel.')
    .option('--all', 'also those that take seconds, because the kernel waits that long')
    .option('--group <name>', 'only that group; may be given several times', chooseGroup)
    .option('--json', 'print one JSON object')
    .option('--list', 'list the facts, and run none')
    .option('--no-private', 'stay in the network that this command was started in')
    .addHelpText('after', NOTES)
    .action(conformance);
}

function chooseGroup(name: string, chosen: string[] | undefined): string[] {
  if (!GROUPS.includes(name)) throw new InvalidArgumentError(`There is ${GROUPS.join(', ')}.`);
  return [...(chosen ?? []), name];
}

async function conformance(options: Options): Promise<void> {
  const inGroups = FACTS.filter(({ group }) => options.group?.includes(group) ?? true);
  const chosen = inGroups.filter(({ slow }) => options.all === true || slow !== true);
  if (options.list === true) {
    const listed =
      options.json === true
        ? report.listJson(inGroups)
        : report.listText(inGroups, terminalOf(process.stdout));
    process.stdout.write(`${listed}\n`);
    return;
  }
  const results = await interruptible((signal) =>
    run(chosen, inGroups.length - chosen.length, options, signal),
  );
  if (results.some(({ verdict }) => verdict.verdict === 'differs')) process.exitCode = 1;
}

async function run(
  facts: readonly Fact[],
  leftOut: number,
  options: Options,
  signal: AbortSignal,
): Promise<FactResult[]> {
  const terminal = terminalOf(process.stdout);
  const say = (text: string): void => {
    if (options.json !== true) process.stdout.write(`${text}\n`);
  };
  const results: FactResult[] = [];
  let network: PrivateNetwork | undefined;
  await runFacts(facts, {
    wantPrivate: options.private,
    signal,
    onNetwork: (where) => {
      network = where;
      say(`${report.kernel()}, ${report.networkText(where)}`);
    },
    onResult: (result) => {
      if (results.at(-1)?.fact.group !== result.fact.group)
        say(`\n${report.groupText(result.fact.group, terminal)}`);
      results.push(result);
      say(report.resultText(result, terminal));
    },
  });
  say(`\n${report.summaryText(report.tallyOf(results), leftOut)}`);
  if (options.json === true) process.stdout.write(`${report.resultsJson(results, network, leftOut)}\n`);
  return results;
}
