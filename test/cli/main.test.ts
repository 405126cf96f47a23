import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needsTool, ROOT, temporaryFolder } from '../support/machine';
import { MAIN, runCommand } from './command-line';

const SMALL = ['compare', '--quick', '--backlog', '0,7', '--way', 'listenq,options'];
/** An escape sequence that sets a colour or a weight. */
const COLOUR = /\x1b\[[\d;]*m/; // eslint-disable-line no-control-regex

function versionOfPackage(): string {
  return (JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string })
    .version;
}

test('listenq --version: prints that of package.json, exit status 0', () => {
  const { stdout, stderr, status } = runCommand(['--version']);
  assert.equal(stdout, `${versionOfPackage()}\n`);
  assert.equal(status, 0, stderr);
});

test('listenq --help: names the commands and the exit statuses, exit status 0', () => {
  const { stdout, stderr, status } = runCommand(['--help']);
  for (const command of [
    'compare',
    'conformance',
    'doctor',
    'explain',
    'model',
    'report',
    'serve',
    'watch',
  ]) {
    assert.match(stdout, new RegExp(`^ {2}${command} `, 'm'));
  }
  assert.match(stdout, /^ {2}0 .*\n {2}1 .*\n {2}2 /m);
  assert.equal(stderr, '');
  assert.equal(status, 0, stderr);
});

for (const command of ['conformance', 'doctor', 'explain', 'model', 'report', 'serve', 'watch']) {
  test(`listenq ${command} --help: says the exit statuses`, () => {
    assert.match(runCommand([command, '--help']).stdout, /^Exit status: 0 .*1 .*2\s+if\s+the\s+command/ms);
  });
}

test('listenq without a command: the help on stderr, exit status 2', () => {
  const { stdout, stderr, status } = runCommand([]);
  assert.match(stderr, /^Usage: listenq/);
  assert.equal(stdout, '');
  assert.equal(status, 2);
});

const MISUSES: [args: string[], named: string][] = [
  [['nonsense'], "unknown command 'nonsense'"],
  [['--nonsense'], "unknown option '--nonsense'"],
  [['compare', '--nonsense'], "unknown option '--nonsense'"],
  [['compare', 'nonsense'], 'too many arguments'],
  [['compare', '--backlog'], '--backlog <list>'],
  [['compare', '--backlog', '1,,2'], "'1,,2'"],
  [['compare', '--backlog', '5x'], "'5x'"],
  [['compare', '--backlog', ''], 'empty'],
  [['compare', '--backlog', '0b1'], "'0b1'"],
  [['compare', '--way', 'nonsense'], "'nonsense'"],
  [['compare', '--way', ''], "''"],
];

for (const [args, named] of MISUSES) {
  const words = args.map((arg) => (arg === '' ? "''" : arg)).join(' ');
  test(`listenq ${words}: one line on stderr that names it, nothing on stdout, exit status 2`, () => {
    const { stdout, stderr, status } = runCommand(args);
    assert.match(stderr, /^listenq: [^\n]+\n$/);
    assert.ok(stderr.includes(named), stderr);
    assert.equal(stdout, '');
    assert.equal(status, 2);
  });
}

test('listenq, something goes wrong: one line on stderr without a stack, exit status 1', () => {
  const { stdout, stderr, status } = runCommand([...SMALL, '--markdown', '/proc/version/compare.md'], {
    env: { NODE_DEBUG: '' },
  });
  assert.match(stderr, /^listenq: [^\n]*\/proc\/version[^\n]*\n$/);
  assert.equal(stdout, '');
  assert.equal(status, 1);
});

test('listenq under NODE_DEBUG=listenq, something goes wrong: the stack too', () => {
  const { stderr, status } = runCommand([...SMALL, '--markdown', '/proc/version/compare.md'], {
    env: { NODE_DEBUG: 'net,listenq' },
  });
  assert.match(stderr, /^ {4}at .*compare\.js/m);
  assert.equal(status, 1);
});

test('listenq, output to a pipe: no colours', () => {
  const { stdout, stderr, status } = runCommand(SMALL, { env: { NO_COLOR: '', TERM: 'xterm' } });
  assert.equal(status, 0, stderr);
  assert.doesNotMatch(stdout + stderr, COLOUR);
});

/** Runs the command on a terminal of its own, and gives what it wrote there. */
function onTerminal(env: NodeJS.ProcessEnv): string {
  const script = 'import pty, sys, os; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';
  const { stdout, stderr, status } = spawnSync('python3', ['-c', script, process.execPath, MAIN, ...SMALL], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

const terminal = { skip: needsTool('python3') };

test('listenq on a terminal: colours, and progress', terminal, () => {
  const output = onTerminal({ NO_COLOR: '', TERM: 'xterm' });
  assert.match(output, COLOUR);
  assert.match(output, /measured 4 of 4/);
});

test('listenq on a terminal under NO_COLOR: none', terminal, () => {
  const output = onTerminal({ NO_COLOR: '1', TERM: 'xterm' });
  assert.match(output, /In words/);
  assert.doesNotMatch(output, COLOUR);
});

test('listenq on a terminal without abilities (TERM=dumb): none', terminal, () => {
  assert.doesNotMatch(onTerminal({ NO_COLOR: '', TERM: 'dumb' }), COLOUR);
});

test('listenq, the reader of its output has gone: no complaint', () => {
  // `true` has long ended when the table is written.
  const command = `"${process.execPath}" "${MAIN}" ${SMALL.join(' ')} | true`;
  const { stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
  assert.equal(stderr, '');
});

test('listenq, its output is on a device that is full: one line on stderr, exit status 1', () => {
  const device = fs.openSync('/dev/full', 'w');
  const { status, stderr } = spawnSync(process.execPath, [MAIN, 'explain', '5'], {
    encoding: 'utf8',
    stdio: ['ignore', device, 'pipe'],
  });
  fs.closeSync(device);
  assert.match(stderr, /^listenq: ENOSPC: [^\n]+\n$/);
  assert.equal(status, 1);
});

for (const command of ['compare', 'conformance', 'doctor', 'explain', 'model', 'report', 'serve', 'watch']) {
  test(`listenq ${command} --help: begins with a sentence, and shows no empty default`, () => {
    const { stdout } = runCommand([command, '--help']);
    assert.match(stdout, /^Usage: .*\n\n[A-Z][^]*?\.\n\n(Arguments|Options):/);
    assert.doesNotMatch(stdout, /default: \{\}/);
  });
}

test('listenq, no addon fits the machine: one line on stderr that says what to do, exit status 1', () => {
  const folder = temporaryFolder();
  // What an installed package has, but for the addon.
  for (const part of ['dist', 'package.json']) {
    fs.cpSync(path.join(ROOT, part), path.join(folder, part), { recursive: true });
  }
  fs.symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'), 'dir');
  const main = path.join(folder, 'dist', 'cli', 'main.js');
  const { status, stderr } = spawnSync(process.execPath, [main, '--help'], {
    encoding: 'utf8',
    env: { ...process.env, LISTENQ_PREBUILD: '' },
  });
  assert.match(stderr, /^listenq: no build of the addon fits [^\n]*"npm rebuild listenq"[^\n]*\n$/);
  assert.equal(status, 1);
});
