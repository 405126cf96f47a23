import * as os from 'node:os';
import { paint, type Colour, type Terminal } from '../terminal';
import type { Fact } from './fact';
import type { PrivateNetwork } from './needs';
import type { Verdict } from './run-fact';
import type { FactResult } from './session';

export type Tally = Record<Verdict['verdict'], number>;

const COLOURS: Readonly<Record<Verdict['verdict'], Colour>> = {
  holds: 'green',
  differs: 'red',
  skipped: 'yellow',
};

export function kernel(): string {
  return `${os.type()} ${os.release()} (${os.machine()})`;
}

export function tallyOf(results: readonly FactResult[]): Tally {
  const tally: Tally = { holds: 0, differs: 0, skipped: 0 };
  for (const { verdict } of results) tally[verdict.verdict] += 1;
  return tally;
}

export function networkText(network: PrivateNetwork): string {
  return network === 'private'
    ? 'in a private network namespace'
    : `in the open, as there is no private network: ${network.reason}`;
}

/** One fact: a line, and for one that does not hold what was expected and what was seen. */
export function resultText({ fact, verdict }: FactResult, terminal: Terminal): string {
  const head = `  ${paint(terminal, COLOURS[verdict.verdict], verdict.verdict.padEnd(8))}${fact.title}`;
  const row = paint(terminal, 'dim', `[${fact.id}]`);
  switch (verdict.verdict) {
    case 'holds':
      return `${head}: ${verdict.observed.trim() === '' ? '(nothing)' : verdict.observed} ${row}`;
    case 'differs':
      return `${head} ${row}\n          expected  ${fact.expected}\n          observed  ${verdict.observed}`;
    case 'skipped':
      return `${head} ${row}\n          ${verdict.reason}`;
  }
}

export function summaryText(tally: Tally, leftOut: number): string {
  const all = tally.holds + tally.differs + tally.skipped;
  const slow = leftOut === 0 ? '' : `; ${leftOut} slow ones left out, --all runs them too`;
  return `${kernel()}: of ${all} facts ${tally.holds} hold, ${tally.differs} differ, ${tally.skipped} skipped${slow}`;
}

export function resultsJson(
  results: readonly FactResult[],
  network: PrivateNetwork | undefined,
  leftOut: number,
): string {
  const facts = results.map(({ fact, verdict, ms }) => ({
    ...plainFact(fact),
    ...verdict,
    ms: Math.round(ms),
  }));
  const summary = { ...tallyOf(results), leftOut };
  return JSON.stringify({ kernel: os.release(), machine: os.machine(), network, summary, facts }, null, 2);
}

export function listJson(facts: readonly Fact[]): string {
  return JSON.stringify(facts.map(plainFact), null, 2);
}

export function listText(facts: readonly Fact[], terminal: Terminal): string {
  const lines = facts.flatMap((fact, i) => {
    const needs = [...(fact.needs ?? []), ...(fact.slow === true ? ['time'] : [])];
    const after = needs.length === 0 ? '' : paint(terminal, 'yellow', ` needs ${needs.join(', ')}`);
    const line = `  ${fact.title}: ${fact.expected} ${paint(terminal, 'dim', `[${fact.id}]`)}${after}`;
    return fact.group === facts[i - 1]?.group ? [line] : [groupText(fact.group, terminal), line];
  });
  return lines.join('\n');
}

export function groupText(group: string, terminal: Terminal): string {
  return paint(terminal, 'bold', group);
}

function plainFact({ id, group, title, expected, needs, slow }: Fact): Omit<Fact, 'run'> {
  return { id, group, title, expected, needs: needs ?? [], ...(slow === true ? { slow } : {}) };
}
