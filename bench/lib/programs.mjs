// The programs in bench/native/: compiled when they are older than their sources.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const source = (file) => fileURLToPath(new URL(`../native/${file}`, import.meta.url));
export const program = (name) => fileURLToPath(new URL(`../build/${name}`, import.meta.url));

const modified = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const NAMES = [
  ...['accept_loop', 'closed_loop', 'open_loop', 'full_queue', 'one_by_one', 'queue_cost'],
  ...['http_closed_loop', 'http_open_loop'],
];

export function compilePrograms() {
  if (spawnSync('g++', ['--version']).status !== 0) throw new Error('needs g++, which is not installed');
  mkdirSync(program('.'), { recursive: true });
  const headers = readdirSync(source('.')).filter((file) => file.endsWith('.h'));
  for (const name of NAMES) {
    const newest = Math.max(...[`${name}.cc`, ...headers].map((file) => modified(source(file))));
    if (modified(program(name)) > newest) continue;
    execFileSync('g++', [
      ...['-std=c++20', '-O2', '-Wall', '-Wextra', '-Wpedantic', '-Werror', '-pthread'],
      ...[source(`${name}.cc`), '-o', program(name)],
    ]);
  }
}
