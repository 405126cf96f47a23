import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { inChild, type ChildOptions, type Package, type Syscalls } from './child';
import { anyOf, needsTool, temporaryFolder, type Skip } from './machine';

/** strace(1), installed and allowed to trace. */
export function needsStrace(): Skip {
  return anyOf(needsTool('strace'), mayTrace());
}

function mayTrace(): Skip {
  const tried = spawnSync('strace', ['-qq', '-e', 'trace=none', 'true'], { encoding: 'utf8' });
  return tried.status === 0 ? false : `needs ptrace(2): ${tried.stderr.trim()}`;
}

export interface Traced<T> {
  result: T;
  /** The calls as strace writes them, without the number of the process. */
  calls: string[];
}

/** Runs `body` in a process of its own, and gives the system calls of these names that it made. */
export function traced<T>(
  names: string,
  body: (q: Package, s: Syscalls, data: never) => T | Promise<T>,
  options: ChildOptions = {},
): Traced<T> {
  const file = path.join(temporaryFolder(), 'trace');
  const under = ['strace', '-f', '-qq', '-e', 'signal=none', '-e', `trace=${names}`, '-o', file];
  const { result } = inChild(body, { ...options, under });
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  const calls = lines
    .map((line) => line.replace(/^\d+\s+/, ''))
    .filter((line) => line !== '' && !line.startsWith('+'));
  return { result, calls };
}
