import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { ROOT } from './machine';

export type Package = typeof import('listenq');
export type Syscalls = typeof import('listenq/syscalls');

export interface ChildOptions {
  /** Handed to the function as JSON. */
  data?: unknown;
  /** Flags of node itself: ['--expose-gc']. */
  nodeFlags?: string[];
  /** A command that runs node: ['strace', '-o', file, '-f']. */
  under?: string[];
  env?: Record<string, string>;
  stdin?: 'ignore' | 'pipe';
}

export interface Outcome<T> {
  result: T;
  stderr: string;
  /** What the process printed besides the result. */
  stdout: string;
}

const MARK = '\nresult of the child: ';

/** The program of a child: `body`, which must name nothing outside itself, with the package and its data. */
export function programOf(body: (q: Package, s: Syscalls, data: never) => unknown, data: unknown): string {
  return `
    const { createRequire } = require('node:module');
    globalThis.require = createRequire(${JSON.stringify(`${ROOT}/package.json`)});
    const run = ${body.toString()};
    const given = ${JSON.stringify(data ?? null)};
    Promise.resolve(run(globalThis.require('listenq'), globalThis.require('listenq/syscalls'), given)).then((result) => {
      require('node:fs').writeSync(1, ${JSON.stringify(MARK)} + JSON.stringify(result ?? null));
    });`;
}

function commandOf(body: Parameters<typeof programOf>[0], options: ChildOptions): [string, string[]] {
  const node = [process.execPath, ...(options.nodeFlags ?? []), '-e', programOf(body, options.data)];
  const [command, ...rest] = [...(options.under ?? []), ...node] as [string, ...string[]];
  return [command, rest];
}

function environmentOf(options: ChildOptions): NodeJS.ProcessEnv {
  return { ...process.env, NODE_OPTIONS: '', ...options.env };
}

/** Runs `body` in a process of its own, and gives what it returned, as JSON carries it. */
export function inChild<T>(
  body: (q: Package, s: Syscalls, data: never) => T | Promise<T>,
  options: ChildOptions = {},
): Outcome<T> {
  const [command, rest] = commandOf(body, options);
  const child = spawnSync(command, rest, {
    encoding: 'utf8',
    env: environmentOf(options),
    stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  });
  const [stdout, result] = child.stdout.split(MARK);
  if (child.status !== 0 || result === undefined) {
    const ended = child.error?.message ?? `status ${child.status}, signal ${child.signal}`;
    throw new Error(`the child failed (${ended}): ${child.stdout}\n${child.stderr}`);
  }
  return { result: JSON.parse(result) as T, stderr: child.stderr, stdout: stdout ?? '' };
}

/** Starts `body` in a process of its own, for tests that look at how it ends. */
export function startChild(
  body: (q: Package, s: Syscalls, data: never) => unknown,
  options: ChildOptions = {},
): ChildProcess {
  const [command, rest] = commandOf(body, options);
  return spawn(command, rest, { env: environmentOf(options), stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Waits for a line that the child prints. */
export async function lineOf(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout?.setEncoding('utf8');
  while (!text.includes('\n')) {
    const [chunk] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [string];
    text += chunk;
  }
  return text.slice(0, text.indexOf('\n'));
}
