import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as path from 'node:path';
import { test } from 'node:test';
import { CANDIDATES, type Implementation } from './implementations';

/** A ceiling for a process that never ends. */
const ENDLESS_MS = 30_000;
const MODULE = path.join(__dirname, 'implementations.js');

/** A program: it must name nothing outside itself. */
export type Body = (
  implementation: Implementation,
  say: (...values: unknown[]) => void,
  data: never,
) => unknown;

interface Outcome {
  code: number | null;
  signal: string | null;
  said: string[];
  /** The first line of an error that ended it. */
  error: string | undefined;
}

/** Runs a program in a process of its own for each implementation, and compares what it said and how it ended. */
export function differentialProcess(title: string, body: Body, data?: unknown): void {
  test(title, async () => {
    const names = [undefined, ...Object.keys(CANDIDATES)];
    const [expected, ...outcomes] = await Promise.all(names.map((name) => outcomeOf(body, name, data)));
    outcomes.forEach((outcome, i) => assert.deepEqual(outcome, expected, `${names[i + 1]}: as net.Server`));
    assert.notEqual(expected?.signal, 'SIGKILL', 'it ends');
    assert.ok((expected?.said.length ?? 0) > 0, 'it says something');
  });
}

async function outcomeOf(body: Body, name: string | undefined, data: unknown): Promise<Outcome> {
  const program = `
    const { REFERENCE, CANDIDATES } = require(${JSON.stringify(MODULE)});
    const implementation = ${name === undefined ? 'REFERENCE' : `CANDIDATES[${JSON.stringify(name)}]`};
    const say = (...values) => require('node:fs').writeSync(1, JSON.stringify(values) + '\\n');
    (${body.toString()})(implementation, say, ${JSON.stringify(data)});`;
  const child = spawn(process.execPath, ['-e', program], {
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: ENDLESS_MS,
    killSignal: 'SIGKILL',
  });
  const text = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (chunk: string) => (text[stream] += chunk));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  const said = text.stdout.split('\n').filter((line) => line !== '');
  return { code, signal, said, error: /^\S*Error.*$/m.exec(text.stderr)?.[0] };
}
