import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { ROOT } from '../support/machine';

/** The command line as it was built. */
export const MAIN = path.join(ROOT, 'dist', 'cli', 'main.js');

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** What starts it, as strace or setpriv with their options. */
  under?: readonly string[];
}

/** Runs the command line to its end, with its output on pipes. */
export function runCommand(args: readonly string[], options: RunOptions = {}): SpawnSyncReturns<string> {
  const [command, ...rest] = [...(options.under ?? []), process.execPath, MAIN, ...args] as [
    string,
    ...string[],
  ];
  return spawnSync(command, rest, {
    encoding: 'utf8',
    env: { ...process.env, ...options.env },
    timeout: 180_000,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
}

/** Starts it, sends it a signal as soon as `isTime`, and waits for its end. */
export async function interruptCommand(
  args: readonly string[],
  signal: NodeJS.Signals,
  env: NodeJS.ProcessEnv,
  isTime: () => boolean,
): Promise<{ status: number | null; stderr: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const closed = once(child, 'close');
  while (!isTime() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill(signal);
  const [status] = (await closed) as [number | null];
  return { status, stderr };
}

/** The processes, other than this one, that were started with `text` in their environment. */
export function processesWith(text: string): string[] {
  return fs.readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return false;
    try {
      return fs.readFileSync(path.join('/proc', name, 'environ'), 'latin1').includes(text);
    } catch {
      // It has ended, or is somebody else's.
      return false;
    }
  });
}
