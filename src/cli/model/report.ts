import * as os from 'node:os';
import { SYSCTLS } from 'listenq/kernel';
import { paint, type Terminal } from '../terminal';
import { Table } from '../vendor';
import { GROUPS, titleOf, type Case } from './case';
import type { CaseResult, ModelRun } from './run';
import type { Values, Verdict } from './verdict';

export interface Tally {
  predicted: number;
  held: number;
  failed: number;
  notRun: number;
}

function tallyOf(results: readonly CaseResult[]): Tally {
  return tallyOfVerdicts(results.map(({ verdict }) => verdict));
}

export function tallyOfVerdicts(verdicts: readonly Verdict[]): Tally {
  const count = (which: Verdict['verdict']): number =>
    verdicts.filter(({ verdict }) => verdict === which).length;
  return {
    predicted: verdicts.length,
    held: count('held'),
    failed: count('failed'),
    notRun: count('not run'),
  };
}

/** Every prediction was put to the test, or named why not, and none failed. */
export function isSound(results: readonly CaseResult[]): boolean {
  const { held, failed } = tallyOf(results);
  return failed === 0 && held > 0;
}

export function textReport(run: ModelRun, terminal: Terminal): string {
  const { results } = run;
  return [
    headline(run),
    '',
    table(results),
    ...problems(results, terminal),
    '',
    paint(terminal, isSound(results) ? 'green' : 'red', summary(run)),
  ].join('\n');
}

function headline({ network, quick, seed, pretend }: ModelRun): string {
  const where = network === 'private' ? 'in private network namespaces' : `nowhere: ${network.reason}`;
  const pretended = Object.entries(pretend).map(([name, value]) => `; predicted as if ${name} were ${value}`);
  const choice = `${quick ? 'the quick choice, ' : ''}seed ${seed}`;
  return `${os.type()} ${os.release()} (${os.machine()}), ${where}: ${choice}${pretended.join('')}`;
}

function table(results: readonly CaseResult[]): string {
  const rows = GROUPS.map((group) => ({
    group,
    ...tallyOf(results.filter(({ case: one }) => one.group === group)),
  }));
  const drawn = new Table({
    head: ['', 'predicted', 'held', 'failed', 'not run'],
    colAligns: ['left', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const { group, ...tally } of [...rows, { group: 'together', ...tallyOf(results) }]) {
    if (tally.predicted > 0) drawn.push([group, tally.predicted, tally.held, tally.failed, tally.notRun]);
  }
  return drawn.toString();
}

/** Each failure with what was predicted and found; each reason for which something did not run. */
function problems(results: readonly CaseResult[], terminal: Terminal): string[] {
  const failures = results.flatMap(({ case: one, verdict }) =>
    verdict.verdict === 'failed'
      ? [
          `${paint(terminal, 'red', 'failed')}  ${title(one)}`,
          ...differences(verdict.predicted, verdict.found).map((line) => `        ${line}`),
        ]
      : [],
  );
  const reasons = new Map<string, number>();
  for (const { verdict } of results) {
    if (verdict.verdict === 'not run') reasons.set(verdict.reason, (reasons.get(verdict.reason) ?? 0) + 1);
  }
  const left = [...reasons].map(
    ([reason, count]) => `${paint(terminal, 'yellow', 'not run')} ${count}: ${reason}`,
  );
  return [...failures, ...left].length === 0 ? [] : ['', ...failures, ...left];
}

/** What was found otherwise than predicted. */
export function differences(predicted: Values, found: Values): string[] {
  const names = [...new Set([...Object.keys(predicted), ...Object.keys(found)])];
  return names
    .filter((name) => predicted[name] !== found[name])
    .map((name) => `${name}: predicted ${predicted[name] ?? 'nothing'}, found ${found[name] ?? 'nothing'}`);
}

function summary({ results, seconds }: ModelRun): string {
  const { predicted, held, failed, notRun } = tallyOf(results);
  return `${predicted} predictions: ${held} held, ${failed} failed, ${notRun} not run, in ${seconds.toFixed(1)} s`;
}

export function jsonReport(run: ModelRun): string {
  const { results, seconds, ...about } = run;
  const cases = results.map(({ case: one, verdict }) => ({ ...plain(one), ...verdict }));
  return JSON.stringify(
    { ...about, seconds: Number(seconds.toFixed(1)), summary: tallyOf(results), cases },
    null,
    2,
  );
}

export function listText(cases: readonly Case[]): string {
  return cases.map((one) => `${one.group}: ${title(one)}`).join('\n');
}

export function listJson(cases: readonly Case[]): string {
  return JSON.stringify(cases.map(plain), null, 2);
}

function plain(one: Case): Case & { title: string } {
  return { ...one, title: title(one) };
}

function title(one: Case): string {
  return titleOf(one, SYSCTLS);
}
