import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { test } from 'node:test';
import { anyOf, needsRoot, needsTool, privateNetwork, type Skip } from '../support/machine';
import { interruptCommand, MAIN, processesWith, runCommand } from './command-line';

interface Report {
  network: string | { reason: string };
  seed: number;
  summary: { predicted: number; held: number; failed: number; notRun: number };
  cases: {
    group: string;
    verdict: string;
    title: string;
    predicted?: object;
    found?: object;
    reason?: string;
  }[];
}

const skip = privateNetwork();

const GROUPS = [
  'accept queue',
  'AF_UNIX queue',
  'SYN queue',
  'full accept queue',
  'last ACK',
  'random combinations',
  'timers',
];

function run(...args: string[]): { status: number | null; report: Report } {
  const { status, stdout, stderr } = runCommand(['model', '--quick', '--json', ...args]);
  assert.notEqual(stdout, '', stderr);
  return { status, report: JSON.parse(stdout) as Report };
}

test('model --quick --json: every prediction of every group holds on this kernel', { skip }, () => {
  const { status, report } = run();
  const failures = report.cases.filter(({ verdict }) => verdict !== 'held');
  assert.deepEqual(failures, []);
  assert.equal(report.network, 'private');
  assert.deepEqual([...new Set(report.cases.map(({ group }) => group))], GROUPS);
  const { predicted, held } = report.summary;
  assert.deepEqual([predicted, held], [report.cases.length, report.cases.length]);
  assert.ok(predicted > 300, String(predicted));
  assert.equal(status, 0);
});

for (const [pretended, group] of [
  ['somaxconn=7', 'accept queue'],
  ['somaxconn=7', 'AF_UNIX queue'],
  ['kernelRelease=6.6.1', 'SYN queue'],
  ['tcpSyncookies=2', 'full accept queue'],
  ['tcpAbortOnOverflow=1', 'last ACK'],
  ['tcpSyncookies=1', 'last ACK'],
  ['somaxconn=7', 'random combinations'],
  ['tcpSynRetries=9', 'timers'],
] as const) {
  const title = `model --group '${group}' --pretend ${pretended}: predictions fail, exit status 1`;
  test(title, { skip }, () => {
    const { status, report } = run('--pretend', pretended, '--group', group, '--seed', '3');
    assert.equal(status, 1);
    assert.deepEqual([...new Set(report.cases.map((one) => one.group))], [group]);
    const failed = report.cases.filter(({ verdict }) => verdict === 'failed');
    assert.equal(report.summary.failed, failed.length);
    assert.ok(failed.length > 0);
    for (const { predicted, found } of failed) assert.notDeepEqual(predicted, found);
  });
}

test(
  "model --group 'last ACK': with tcp_syncookies 2, clients hold true cookies, and none is reset",
  { skip },
  () => {
    const { cases } = run('--group', 'last ACK').report;
    const withCookies = cases.filter(({ title }) =>
      title.includes('tcp_syncookies 2, tcp_abort_on_overflow 1'),
    );
    assert.ok(withCookies.length > 0);
    for (const { found } of withCookies) {
      const { cookies, syncookiesRecv, resets } = found as Record<string, number>;
      assert.deepEqual([cookies, syncookiesRecv, resets], [5, 5, 0]);
    }
  },
);

test('model --pretend: a limit by each of its names, as explain --limit takes them', { skip }, () => {
  const failed = (pretended: string): number =>
    run('--group', 'AF_UNIX queue', '--pretend', pretended).report.summary.failed;
  assert.ok(failed('somaxconn=7') > 0);
  assert.equal(failed('net.core.somaxconn=7'), failed('somaxconn=7'));
});

test('model: a failure is printed with what was predicted and found', { skip }, () => {
  const { status, stdout } = runCommand([
    'model',
    '--quick',
    '--group',
    'accept queue',
    '--pretend',
    'somaxconn=7',
  ]);
  assert.equal(status, 1);
  assert.match(
    stdout,
    /^failed {2}accept queue: backlog -1, somaxconn 128, .*\n +backlog: predicted 7, found 128$/m,
  );
  assert.match(stdout, /^\d+ predictions: \d+ held, \d+ failed, 0 not run, in [\d.]+ s$/m);
});

test('model --list: lists without running; --seed has the same combinations again', () => {
  const list = (...args: string[]): string => runCommand(['model', '--list', ...args]).stdout;
  assert.equal(list('--seed', '5'), list('--seed', '5'));
  assert.notEqual(list('--seed', '5'), list('--seed', '6'));
  assert.match(list(), /^SYN queue: SYN queue: backlog 4096, .*tcp_max_syn_backlog 2048, tcp_syncookies 2/m);
  const cases = JSON.parse(list('--json', '--random', '7')) as { group: string; kind: string }[];
  const accepting = cases.filter(
    ({ group, kind }) => group === 'random combinations' && kind === 'accept queue',
  );
  assert.equal(accepting.length, 7);
});

test('model: what is wrong on the command line: one line on stderr, exit status 2', () => {
  for (const args of [
    ['--random', '-1'],
    ['--random', '100001'],
    ['--random', 'many'],
    ['--seed', '4294967296'],
    ['--group', 'nosuch'],
    ['--pretend', 'somaxcon=7'],
    ['--pretend', 'somaxconn'],
    ['--pretend', 'somaxconn=-1'],
    ['--pretend', 'kernelRelease=3.10'],
    ['--nosuch'],
    ['extra'],
  ]) {
    const { status, stdout, stderr } = runCommand(['model', ...args]);
    assert.equal(status, 2, args.join(' '));
    assert.equal(stdout, '');
    assert.match(stderr, /^listenq: [^\n]+\n$/);
  }
});

test('model: changes no sysctl outside of its namespaces', { skip }, () => {
  const names = [
    'core/somaxconn',
    'ipv4/tcp_syncookies',
    'ipv4/tcp_max_syn_backlog',
    'ipv4/tcp_no_metrics_save',
  ];
  const read = (): string[] => names.map((name) => fs.readFileSync(`/proc/sys/net/${name}`, 'utf8'));
  const before = read();
  run('--group', 'full accept queue', '--group', 'last ACK');
  assert.deepEqual(read(), before);
});

test('model: SIGTERM ends it and its processes', async () => {
  const mark = `listenq-model-${process.pid}`;
  const running = (): boolean => processesWith(mark).length > 2;
  const { status } = await interruptCommand(['model'], 'SIGTERM', { LISTENQ_TEST_MARK: mark }, running);
  assert.notEqual(status, 0);
  assert.deepEqual(processesWith(mark), []);
});

const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] as const;
const asNobody = anyOf(needsRoot(), needsTool('setpriv')) || cannotRead();

function cannotRead(): Skip {
  const [command, ...options] = NOBODY;
  const tried = spawnSync(command, [...options, process.execPath, MAIN, '--version']);
  return tried.status === 0 ? false : 'needs a checkout that other users may read';
}

test(
  'model: where no private network can be had, says so, runs nothing, exit status 1',
  { skip: asNobody },
  () => {
    const under = [...NOBODY, 'env', 'PATH=/nonexistent'];
    const { status, stdout } = runCommand(['model', '--quick', '--json'], { under });
    const { network, summary, cases } = JSON.parse(stdout) as Report;
    assert.match((network as { reason: string }).reason, /EPERM.*unshare ENOENT/);
    assert.equal(summary.notRun, summary.predicted);
    assert.match(cases[0]?.reason ?? '', /^needs a private network: /);
    assert.equal(status, 1);
  },
);

test('model as another user: holds in a user namespace, or says why it cannot', { skip: asNobody }, () => {
  const args = ['model', '--json', '--group', 'last ACK', '--group', 'full accept queue'];
  const { network, summary } = JSON.parse(runCommand(args, { under: NOBODY }).stdout) as Report;
  assert.equal(network === 'private' ? summary.held : summary.notRun, summary.predicted);
});
