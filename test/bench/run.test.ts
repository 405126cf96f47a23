import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { describe, test } from 'node:test';
import { anyOf, needsRoot, needsTool, ROOT, type Skip } from '../support/machine';

/** What `--json` prints, as far as it matters here. */
interface Run {
  results: {
    row: { name: string; title: string; peers: { key: string; name: string }[] };
    unmeasured?: string;
    samples: Record<string, Record<string, number>[]>;
    failures: Record<string, string>;
  }[];
}

/** Peers that come with `npm ci --prefix bench`, or not at all. */
const OPTIONAL = new Set(['bun', 'deno']);
const LIMIT_MS = 60_000;

function run(program: string, ...args: string[]): ReturnType<typeof spawnSync> {
  const file = path.join(ROOT, 'bench', program);
  return spawnSync(process.execPath, [file, ...args], { encoding: 'utf8', timeout: LIMIT_MS });
}

const bench = (...args: string[]): ReturnType<typeof spawnSync> => run('run.mjs', ...args);

function assertMeasured({ row, samples, failures }: Run['results'][number]): void {
  for (const { key, name } of row.peers) {
    if (OPTIONAL.has(key) && failures[key] !== undefined) continue;
    const figures = Object.entries(samples[key]?.[0] ?? {});
    assert.ok(figures.length > 0, `${row.name}, ${name}: ${failures[key]}`);
    for (const [figure, value] of figures)
      assert.ok(Number.isFinite(value), `${row.name}, ${name}: ${figure}`);
  }
}

const skip: Skip = anyOf(needsTool('g++'), needsTool('python3'), needsRoot());

describe('bench', { skip }, () => {
  test('a quick run has numbers for every row and every peer, and asserts none of them', () => {
    const { status, stdout, stderr } = bench('--quick', '--rounds', '1', '--json');
    assert.equal(status, 0, String(stderr));
    const { results } = JSON.parse(String(stdout)) as Run;
    assert.deepEqual(
      results.map(({ row }) => row.name),
      ['cpu', 'drain', 'stall', 'idle', 'memory', 'growth'],
    );
    for (const result of results) {
      const { row, unmeasured } = result;
      assert.equal(unmeasured !== undefined, row.name === 'growth', `${row.name}: ${unmeasured}`);
      if (unmeasured === undefined) assertMeasured(result);
    }
  });

  test('http.mjs: a quick run has numbers for attached servers and plain ones, and every client accounted for', () => {
    const { status, stdout, stderr } = run('http.mjs', '--quick', '--rounds', '1', '--json');
    assert.equal(status, 0, String(stderr));
    const { results } = JSON.parse(String(stdout)) as Run;
    assert.deepEqual(
      results.map(({ row }) => row.name),
      ['keep-alive', 'connections', 'drop-in', 'overflow', 'blocked'],
    );
    results.forEach(assertMeasured);
    for (const [sample] of results.slice(-2).flatMap(({ samples }) => Object.values(samples))) {
      const ends = ['served', 'busy', 'refused', 'reset', 'cut', 'timedOut'].map(
        (name) => sample?.[name] ?? 0,
      );
      assert.equal(
        ends.reduce((sum, count) => sum + count),
        sample?.['arrived'],
      );
    }
  });

  test('the report names each row, its peers, and what it left out', () => {
    const { status, stdout, stderr } = bench('--quick', '--rounds', '1', '--row', 'cpu', '--row', 'growth');
    assert.equal(status, 0, String(stderr));
    assert.match(String(stdout), /^## Goals$/m);
    assert.match(String(stdout), /^\| net\.Server +\| \d+\.\d /m);
    assert.match(String(stdout), /^- .*--quick leaves it out \(Memory after many connections\)$/m);
  });

  test('what it does not know it refuses', () => {
    const refused = [
      ['--row', 'nonsense'],
      ['--rounds', '0'],
    ].map((args) => bench(...args));
    assert.deepEqual(
      refused.map(({ status }) => status),
      [2, 2],
    );
    assert.match(String(refused[0]?.stderr), /nonsense is none of cpu, drain/);
  });
});
