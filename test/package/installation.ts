// Packs the package and installs it as a user would, away from the checkout.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { ROOT, temporaryFolder } from '../support/machine';

/** The longest of the commands compile the addon, in well under a minute on two cores. */
const COMMAND_TIMEOUT_MS = 5 * 60_000;

export interface Manifest {
  name: string;
  version: string;
  exports: Record<string, unknown>;
}

export function readManifest(): Manifest {
  return JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as Manifest;
}

/** The names to import: 'listenq', 'listenq/syscalls', … */
export function entries(): string[] {
  const { name, exports } = readManifest();
  return Object.keys(exports)
    .filter((entry) => !entry.endsWith('.json'))
    .map((entry) => path.posix.join(name, entry));
}

/** Runs a command to its end and gives what it printed; throws, with all of that, if it failed. */
export function runIn(cwd: string, command: string, args: string[], env: NodeJS.ProcessEnv): string {
  const child = spawnSync(command, args, { cwd, env, encoding: 'utf8', timeout: COMMAND_TIMEOUT_MS });
  if (child.status === 0) return child.stdout;
  const ended = child.error?.message ?? `status ${child.status}, signal ${child.signal}`;
  throw new Error(`${path.basename(command)} ${args.join(' ')} (${ended}): ${child.stdout}\n${child.stderr}`);
}

/**
 * The environment of somebody who isn't inside an npm script of this checkout: npm adds the checkout's commands to PATH,
 * and variables that would stand for the user's own package.
 */
export function userEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) =>
      !/^(npm_(package|lifecycle)_|npm_config_local_prefix$|INIT_CWD$|NODE_TEST_|NODE_OPTIONS$|LISTENQ_)/.test(
        name,
      ),
  );
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  const PATH = folders.filter((folder) => !folder.includes('node_modules')).join(path.delimiter);
  return { ...Object.fromEntries(inherited), PATH, JOBS: 'max', ...headersOfThisNode() };
}

/** node-gyp downloads headers unless it is told where some are, and a test has nothing to download. */
function headersOfThisNode(): NodeJS.ProcessEnv {
  const prefix = path.dirname(path.dirname(process.execPath));
  const present = fs.existsSync(path.join(prefix, 'include', 'node', 'config.gypi'));
  return present ? { npm_config_nodedir: prefix } : {};
}

/** The same with a PATH on which node, npm, npx and a shell are all there is. */
export function environmentWithoutCompilers(): NodeJS.ProcessEnv {
  const folder = temporaryFolder();
  fs.symlinkSync(process.execPath, path.join(folder, 'node'));
  for (const name of ['npm', 'npx', 'sh']) fs.symlinkSync(onPath(name), path.join(folder, name));
  return { ...userEnvironment(), PATH: folder };
}

function onPath(name: string): string {
  const folders = (userEnvironment()['PATH'] ?? '').split(path.delimiter);
  const found = folders.map((folder) => path.join(folder, name)).find((file) => fs.existsSync(file));
  if (found === undefined) throw new Error(`${name} is not on the PATH`);
  return fs.realpathSync(found);
}

const NOT_COPIED = new Set(['node_modules', '.git', 'build', 'dist', 'dist-test', 'third_party', 'coverage']);

/** A copy of the checkout without anything built, so that packing neither uses nor disturbs what is built there. */
export function copyOfCheckout(): string {
  const copy = path.join(temporaryFolder(), 'checkout');
  fs.cpSync(ROOT, copy, {
    recursive: true,
    filter: (source) => {
      const name = path.basename(source);
      const prebuilt = path.basename(path.dirname(source)) === 'prebuilds' && name !== 'README.md';
      return !NOT_COPIED.has(name) && !name.startsWith('build-') && !prebuilt;
    },
  });
  fs.symlinkSync(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'), 'dir');
  return copy;
}

/** npm pack, and the path of the tarball. */
export function pack(checkout: string): string {
  const folder = temporaryFolder();
  runIn(checkout, 'npm', ['pack', '--pack-destination', folder], userEnvironment());
  return path.join(folder, fs.readdirSync(folder)[0] ?? 'nothing was packed');
}

export interface Installation {
  /** The user's own package. */
  folder: string;
  /** What is in its node_modules, sorted. */
  packages: string[];
  /** The addon that node-gyp-build takes, relative to the installed package. */
  addon: () => string;
  /** Runs a program there, written to a file of that name, and gives what it printed. */
  program: (file: string, source: string) => string;
}

/** Installs the tarball into a fresh package, with more arguments for npm install. */
export function install(tarball: string, args: string[], env: NodeJS.ProcessEnv): Installation {
  const folder = path.join(temporaryFolder(), 'user');
  fs.mkdirSync(folder);
  // npm asks for consent before it runs a dependency's scripts; for a tarball, its path is the name to give.
  const manifest = { name: 'user', private: true, allowScripts: { [`file:${tarball}`]: true } };
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
  runIn(folder, 'npm', ['install', tarball, '--prefer-offline', '--no-audit', '--no-fund', ...args], env);

  const installed = path.join(folder, 'node_modules', readManifest().name);
  const program = (file: string, source: string): string => {
    fs.writeFileSync(path.join(folder, file), source);
    return runIn(folder, 'node', [file], env);
  };
  return {
    folder,
    packages: fs.readdirSync(path.join(folder, 'node_modules')).filter((name) => !name.startsWith('.')),
    addon: () =>
      program('which-addon.js', `console.log(require('node-gyp-build').path(${JSON.stringify(installed)}))`)
        .trim()
        .slice(installed.length + 1),
    program,
  };
}

/** The files in a tarball, without the folder that npm puts them all into. */
export function filesIn(tarball: string): string[] {
  const listing = runIn(os.tmpdir(), 'tar', ['-tzf', tarball], process.env);
  return listing
    .trim()
    .split('\n')
    .map((file) => file.replace(/^package\//, ''));
}
