import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'node:test';
import { needsRoot, ROOT, temporaryFolder } from '../support/machine';

const MAIN = path.join(ROOT, 'dist', 'cli', 'main.js');

interface Report {
  kernel: string;
  network: string | { reason: string };
  summary: { holds: number; differs: number; skipped: number; leftOut: number };
  facts: {
    id: string;
    group: string;
    title: string;
    expected: string;
    verdict: string;
    reason?: string;
  }[];
}

function conformance(
  args: string[],
  env: NodeJS.ProcessEnv = {},
): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'conformance', ...args], {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', ...env },
  });
  return { status, out: stdout, err: stderr };
}

function reportOf(args: string[], env: NodeJS.ProcessEnv = {}): Report {
  const { status, out, err } = conformance([...args, '--json'], env);
  assert.equal(status, 0, `${err}${out}`);
  return JSON.parse(out) as Report;
}

test('conformance --group: each fact of the group, the kernel release, and a summary', () => {
  const { status, out } = conformance(['--group', 'listen']);
  assert.equal(status, 0, out);
  assert.match(out, /holds +listen: a closed descriptor: EBADF \[60\]/);
  assert.match(out, new RegExp(`Linux ${os.release()} .*: of \\d+ facts \\d+ hold, 0 differ, \\d+ skipped`));
  assert.doesNotMatch(out, /^ +\S+ +bind:/m);
});

test('conformance --json: runs in a private network as root', { skip: needsRoot() }, () => {
  const { network, facts, summary, kernel } = reportOf(['--group', 'bind', '--group', 'backlog']);
  assert.equal(network, 'private');
  assert.equal(kernel, os.release());
  assert.deepEqual([...new Set(facts.map(({ group }) => group))], ['bind', 'backlog']);
  assert.deepEqual(summary, { holds: facts.length, differs: 0, skipped: 0, leftOut: 3 });
});

test('conformance --no-private: what needs a private network is skipped by name', () => {
  const { network, facts } = reportOf(['--group', 'ports', '--no-private']);
  assert.deepEqual(network, { reason: 'it was not wanted' });
  const skipped = facts.filter(({ verdict }) => verdict === 'skipped');
  assert.deepEqual(
    [...new Set(skipped.map(({ reason }) => reason))],
    ['needs a private network: it was not wanted'],
  );
  assert.ok(facts.some(({ verdict }) => verdict === 'holds'));
});

test('conformance --list: lists without running; slow and needy facts say so', () => {
  const { status, out } = conformance(['--list', '--group', 'backlog']);
  assert.equal(status, 0);
  assert.match(out, /^backlog\n/);
  assert.match(out, /\[102\] needs time/);
  assert.match(out, /\[240\] needs private network/);
  assert.doesNotMatch(out, /holds/);
});

test('conformance: a group that does not exist, an option that does not exist: exit 2 and one line', () => {
  for (const args of [['--group', 'nosuch'], ['--nosuch'], ['extra']]) {
    const { status, out, err } = conformance(args);
    assert.equal(status, 2, args.join(' '));
    assert.equal(out, '');
    assert.match(err, /^listenq: .*\n$/);
  }
});

test('conformance: a fact that differs is shown with both, and the exit status is 1', () => {
  // A soft and hard limit too low for a listener and its clients makes facts differ on any kernel.
  const { status, stdout } = spawnSync(
    'sh',
    [
      '-c',
      `ulimit -n 40; exec "$0" "$@"`,
      process.execPath,
      MAIN,
      'conformance',
      '--group',
      'reuse',
      '--no-private',
    ],
    { encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } },
  );
  assert.equal(status, 1, stdout);
  assert.match(stdout, /differs .*\n +expected {2}.*\n +observed {2}.*EMFILE/);
});

test('conformance: leaves nothing in the temporary folder', () => {
  const folder = temporaryFolder();
  reportOf(['--group', 'unix'], { TMPDIR: folder });
  assert.deepEqual(fs.readdirSync(folder), []);
});

test('conformance: SIGINT ends it and its process, by that signal, and leaves nothing', async () => {
  const folder = temporaryFolder();
  const child = spawn(process.execPath, [MAIN, 'conformance', '--all'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: folder },
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const [runner = ''] = childrenOf(child.pid as number);
  assert.match(runner, /^\d+$/);
  child.stdout.resume();
  child.kill('SIGINT');
  const signal = await new Promise((resolve) => child.once('close', (_, by) => resolve(by)));
  assert.equal(signal, 'SIGINT');
  assert.equal(fs.existsSync(`/proc/${runner}`), false);
  assert.deepEqual(fs.readdirSync(folder), []);
});

test('conformance: a fact that takes its process down differs, and the rest go on in another process', async () => {
  const child = spawn(process.execPath, [MAIN, 'conformance', '--group', 'shutdown-close', '--all'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NO_COLOR: '1' },
  });
  let out = '';
  let victim = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    // The first fact has held; a second or more of others is to come.
    if (victim !== '' || !out.includes('[165]')) return;
    victim = childrenOf(child.pid as number)[0] ?? '';
    process.kill(Number(victim), 'SIGKILL');
  });
  assert.equal(await new Promise((resolve) => child.once('close', resolve)), 1, out);
  assert.match(out, /observed {2}the process that ran it ended with SIGKILL/);
  const [, all, hold] = /of (\d+) facts (\d+) hold, 1 differ, 0 skipped/.exec(out) ?? [];
  assert.ok(Number(all) > 10, out);
  assert.equal(Number(hold), Number(all) - 1);
});

function childrenOf(pid: number): string[] {
  return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
}

test('conformance: does not change the sysctls of the network that it was started in', () => {
  const read = (): string[] =>
    ['core/somaxconn', 'ipv4/tcp_syncookies', 'ipv4/ip_local_port_range', 'ipv4/tcp_abort_on_overflow'].map(
      (name) => fs.readFileSync(`/proc/sys/net/${name}`, 'utf8'),
    );
  const before = read();
  reportOf(['--group', 'backlog', '--group', 'ports']);
  assert.deepEqual(read(), before);
});
