// The checkout on disk: where it is, what in it is newer than what, and commands that run in it.
import { spawn } from 'node:child_process';
import { readdirSync, statSync, utimesSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');
export const inTree = (...parts) => join(root, ...parts);
export const onLinux = process.platform === 'linux';
/** What CI services set. '0' and 'false' are how people switch it off by hand. */
export const onCi = !['', '0', 'false'].includes(process.env.CI ?? '');

/** What no step is made from: products, and copies that a step itself puts beside sources. */
const NOT_SOURCES = new Set(['node_modules', 'third_party']);

/**
 * The latest modification time, in milliseconds, of a file or of anything below a folder; undefined where nothing is.
 * Folders count too: a deleted or renamed file changes only the time of the folder that held it.
 */
export function modified(path) {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isDirectory()) return stats?.mtimeMs;
  return readdirSync(path)
    .filter((name) => !NOT_SOURCES.has(name))
    .reduce((latest, name) => Math.max(latest, modified(join(path, name)) ?? 0), stats.mtimeMs);
}

export function isStale(product, inputs) {
  const made = modified(inTree(product));
  return made === undefined || inputs.some((input) => (modified(inTree(input)) ?? 0) > made);
}

/**
 * Dates a product to when its making began, so that an edit made meanwhile counts as newer. It also renews a product
 * that a build tool left alone because nothing in it would have changed.
 */
export function dateProduct(product, began) {
  utimesSync(inTree(product), began, began);
}

/** Administrators' folders hold `ip` and `sysctl`, and are missing from the PATH of most other users. */
export const searchPath = [...new Set([...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'])];

export class CommandFailed extends Error {
  constructor(command, args, status, output) {
    super(`${[command, ...args].join(' ')}: ${status}`);
    this.output = output;
  }
}

/**
 * Runs a command in the tree and resolves with its output. By default it is silent, and a failure carries the output;
 * with `show`, the command writes to this terminal itself.
 */
export function run(command, args, { show = false, cwd = root, env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: show ? 'inherit' : ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
    });
    const chunks = [];
    child.stdout?.on('data', (chunk) => chunks.push(chunk));
    child.stderr?.on('data', (chunk) => chunks.push(chunk));
    child.on('error', (error) => reject(new CommandFailed(command, args, error.message, '')));
    child.on('close', (code, signal) => {
      const output = Buffer.concat(chunks).toString();
      if (code === 0) resolve(output);
      else reject(new CommandFailed(command, args, signal ?? `exit status ${code}`, output));
    });
  });
}

/** Runs the command-line file of a development dependency with this very Node, whatever the PATH says. */
export const runTool = (file, args, options) =>
  run(process.execPath, [inTree('node_modules', file), ...args], options);

/** Ends the process with the failure's own output and one line, without a stack that nobody asked for. */
export function giveUp(who, error) {
  if (!(error instanceof CommandFailed)) throw error;
  process.stderr.write(`${error.output}\n${who}: ${error.message}\n`);
  process.exit(1);
}
