import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { before, test } from 'node:test';
import { explainBacklog, limits, queueOf, SYSCTLS } from 'listenq/kernel';
import { needsTool, privateNetwork, ROOT, setSysctl, temporaryFolder } from '../support/machine';
import { needsStrace } from '../support/strace';
import { interruptCommand, MAIN, processesWith, runCommand } from './command-line';
import { onTerminal } from './private-command';
import { attributesOf, rowsOf, textOf } from './report-html';
import { describePage } from './report-page';

/** Another one than any machine has, so that it is seen to be read; and small enough that --quick counts to the end. */
const SOMAXCONN = 300;

const skip = privateNetwork();
if (skip === false) setSysctl('net.core.somaxconn', SOMAXCONN);
const folder = temporaryFolder();
const file = path.join(folder, 'report.html');
let page = '';

before(() => {
  fs.writeFileSync(file, 'what was there before');
  const { stdout, stderr, status } = runCommand(['report', '--quick', file]);
  assert.equal(status, 0, stderr);
  assert.equal(stderr, '');
  assert.equal(stdout, `wrote ${file}\n`);
  page = fs.readFileSync(file, 'utf8');
});

test('report FILE: replaces the file by a whole page, and leaves nothing beside it', () => {
  assert.match(page, /^<!doctype html>/);
  assert.match(page, /<\/html>\n$/);
  assert.deepEqual(fs.readdirSync(folder), ['report.html']);
  assert.ok(Buffer.byteLength(page) < 400_000, `${Buffer.byteLength(page)} bytes`);
});

test('report: the file refers to nothing but itself', () => {
  for (const value of attributesOf(page, 'href|xlink:href')) assert.match(value, /^#[\w-]+$/);
  assert.deepEqual(attributesOf(page, 'src|srcset|action|formaction|data|poster|background'), []);
  const [style = ''] = /<style>[^]*<\/style>/.exec(page) ?? [];
  assert.doesNotMatch(style, /url\(|@import|@font-face/);
  assert.doesNotMatch(page, /<(?:link|iframe|object|embed|img|base)\b|http-equiv="refresh"/i);
});

test('report: its Content-Security-Policy lets the style and the script run that are in it, and nothing else', () => {
  const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const [, style = ''] = /<style>([^]*?)<\/style>/.exec(page) ?? [];
  const [, script = ''] = /<script>([^]*?)<\/script>/.exec(page) ?? [];
  const [policy] = attributesOf(page, 'content').filter((value) => value.startsWith('default-src'));
  assert.equal(
    policy?.replaceAll('&#39;', "'"),
    `default-src 'none'; style-src ${hashOf(style)}; script-src ${hashOf(script)}; base-uri 'none'; form-action 'none'`,
  );
});

test('report: names no host, user or folder, and of the kernel no build', () => {
  const build = os.release().replace(/^[\d.]+/, '');
  for (const word of [os.hostname(), os.homedir(), ROOT, folder, build]) {
    if (word.length > 1) assert.ok(!page.includes(word), word);
  }
});

test('report: the limits are those of limits()', { skip }, () => {
  const rows = rowsOf(page, 'limit');
  const found = limits();
  for (const [key, sysctl] of Object.entries(SYSCTLS)) {
    const value = found[key as keyof typeof SYSCTLS];
    assert.equal(rows.get(sysctl)?.[0], String(value ?? 'not there'), sysctl);
  }
  assert.equal(rows.get('net.core.somaxconn')?.[0], String(SOMAXCONN));
  const soft = spawnSync('sh', ['-c', 'ulimit -Sn'], { encoding: 'utf8' }).stdout.trim();
  assert.equal(rows.get('RLIMIT_NOFILE, soft')?.[0], soft);
});

test(
  'report: each backlog as explainBacklog() has it, and as the kernel was counted to have it',
  { skip },
  () => {
    const rows = rowsOf(page, 'backlog');
    for (const asked of [0, 1, 2, 5, 16, 128, 300, 301, 511, 4096, 65535, 2147483647, -1]) {
      const { tcp, unix } = explainBacklog(asked);
      const counted = String(Math.min(asked >>> 0, SOMAXCONN) + 1);
      assert.deepEqual(
        rows.get(String(asked)),
        [
          ...[tcp.backlog, tcp.waiting, counted, 'no answer, tries again', tcp.halfOpen.most],
          ...[unix.waiting, counted, 'waits, or EAGAIN'],
        ].map(String),
        String(asked),
      );
    }
    assert.match(textOf(page), /As predicted\. 3\d queues were filled until a client found no room/);
  },
);

test('report: 511 where 0 is asked of net.Server, as its queue here says', { skip }, async () => {
  const server = net.createServer().listen({ port: 0, host: '127.0.0.1', backlog: 0 });
  await new Promise((resolve) => server.once('listening', resolve));
  const { limit } = queueOf(server);
  server.close();
  const [own, ...others] = rowsOf(page, 'n').get('0') ?? [];
  assert.equal(own, '0');
  assert.deepEqual([...new Set(others)], ['511']);
  assert.equal(limit, Math.min(511, SOMAXCONN));
});

test('report: as many predictions as the model makes, and none failed', { skip }, () => {
  const { stdout } = runCommand(['model', '--quick', '--list', '--json']);
  const all = String((JSON.parse(stdout) as unknown[]).length);
  assert.deepEqual(rowsOf(page, 'group').get('together'), [all, all, '0', '0']);
  assert.match(textOf(page), new RegExp(`${all} of ${all} held\\.`));
});

for (const [what, target, complaint] of [
  ['in a folder that is not there', path.join(folder, 'none', 'report.html'), /there is no folder \S+none$/m],
  ['where nobody may write', '/proc/report.html', /cannot write \/proc\/report\.html: /],
  ['that is a folder', folder, /it is not a regular file$/m],
  ['that is a device', '/dev/null', /it is not a regular file$/m],
] as const) {
  test(`report FILE ${what}: one line on stderr, exit status 1`, () => {
    const { stdout, stderr, status } = runCommand(['report', target]);
    assert.match(stderr, /^listenq: cannot write [^\n]+\n$/);
    assert.match(stderr, complaint);
    assert.equal(stdout, '');
    assert.equal(status, 1);
    assert.ok(fs.statSync('/dev/null').isCharacterDevice());
  });
}

test('report FILE that cannot be written: fails before anything is measured', { skip: needsStrace() }, () => {
  const trace = path.join(temporaryFolder(), 'trace');
  const under = ['strace', '-f', '-qq', '-e', 'trace=execve,listen', '-o', trace];
  runCommand(['report', path.join(folder, 'none', 'report.html')], { under });
  const calls = fs.readFileSync(trace, 'utf8').match(/execve\(|listen\(/g);
  assert.deepEqual(calls, ['execve(']);
});

test('report: what is wrong on the command line: one line on stderr, exit status 2', () => {
  for (const args of [['--json', file], ['--nosuch'], ['one.html', 'two.html']]) {
    const { stdout, stderr, status } = runCommand(['report', ...args]);
    assert.equal(status, 2, args.join(' '));
    assert.match(stderr, /^listenq: [^\n]+\n$/);
    assert.equal(stdout, '');
  }
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`report: ${signal} ends it and its processes, and leaves no file`, async () => {
    const place = temporaryFolder();
    const mark = `listenq-report-${signal}-${process.pid}`;
    const running = (): boolean => processesWith(mark).length > 3;
    const args = ['report', path.join(place, 'report.html')];
    const { status } = await interruptCommand(args, signal, { LISTENQ_TEST_MARK: mark }, running);
    // None: it ended by the signal.
    assert.equal(status, null);
    assert.deepEqual(fs.readdirSync(place), []);
    assert.deepEqual(processesWith(mark), []);
  });
}

test('report on a terminal: says which part it measures', { skip: needsTool('python3') }, () => {
  const command = [process.execPath, MAIN, 'report', '--json'];
  const { output, status } = onTerminal([['measuring, 1 of 3: queues', 'kill:SIGINT']], command);
  assert.match(output, /measuring, 1 of 3: queues of this machine/);
  assert.equal(status, -os.constants.signals.SIGINT);
});

describePage(() => file, skip);
