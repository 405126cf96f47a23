import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { MAIN, processesWith, runCommand, interruptCommand } from '../cli/command-line';
import { anyOf, needsRoot, needsTool, temporaryFolder } from '../support/machine';
import { arrivals, compared, rowOf } from './compared';

const EVERY_WAY = [
  ...['listenq', 'args', 'options', 'cluster-rr', 'cluster-none', 'fd-args', 'fd-options'],
  ...['listenq-path', 'path-args', 'path-options'],
];
const INT32S = [
  ...[0, 1, 2, 3, 5, 127, 128, 511, 512, 999, 1000, 4096, 65535, 65536, 131071, 131072, 131073],
  ...[2 ** 24, 2 ** 31 - 2, 2 ** 31 - 1, -1, -2, -511, -65536, -(2 ** 31) + 1, -(2 ** 31)],
];
/** How far --quick counts. */
const QUICK = 1000;
const node20 = process.versions.node.startsWith('20.') ? false : 'measured on Node 20, this is another';

test('compare listenq: each int32 arrives unchanged, the kernel holds and admits what its rule says', () => {
  const report = compared(['--quick', '--way', 'listenq,listenq-path', '--backlog', INT32S.join(',')]);
  const somaxconn = report.somaxconn as number;
  assert.equal(report.rows.length, 2 * INT32S.length);
  for (const { way, asked, calls, filling, family } of report.rows) {
    const what = `${way} ${asked}`;
    assert.deepEqual(calls, [Number(asked)], what);
    const limit = Math.min(Number(asked) >>> 0, somaxconn);
    const reached = limit <= QUICK;
    assert.equal(filling?.limit, limit, what);
    assert.equal(filling.admitted, reached ? limit + 1 : QUICK, what);
    assert.equal(filling.waiting, filling.admitted, what);
    assert.equal(filling.countedToEnd, reached, what);
    if (!reached) assert.equal(filling.next, null, what);
    else if (family === 'unix') assert.equal(codeOf(filling.next), 'EAGAIN', what);
    else assert.equal(filling.next?.sees === 'silence' && filling.next.state, 'SYN_SENT', what);
  }
});

function codeOf(next: { sees: string; code?: string } | null): string | undefined {
  return next?.code;
}

test('compare listenq: what is no int32 makes no call and leaves the error code; undefined takes somaxconn', () => {
  const list = "undefined,null,NaN,0.5,'7',true,2147483648,4294967296,-2147483649,Infinity";
  const report = compared(['--quick', '--way', 'listenq', '--backlog', list]);
  assert.deepEqual(arrivals(report, 'listenq'), {
    undefined: report.somaxconn,
    null: 'ERR_INVALID_ARG_TYPE',
    NaN: 'ERR_OUT_OF_RANGE',
    0.5: 'ERR_OUT_OF_RANGE',
    "'7'": 'ERR_INVALID_ARG_TYPE',
    true: 'ERR_INVALID_ARG_TYPE',
    2147483648: 'ERR_OUT_OF_RANGE',
    4294967296: 'ERR_OUT_OF_RANGE',
    '-2147483649': 'ERR_OUT_OF_RANGE',
    Infinity: 'ERR_OUT_OF_RANGE',
  });
  for (const { asked, calls, filling } of report.rows) {
    if (asked === 'undefined') continue;
    assert.deepEqual(calls, [], asked);
    assert.equal(filling, null, asked);
  }
});

test(
  'compare: the integers that it observed are those that strace sees',
  { skip: needsTool('strace') },
  () => {
    const log = path.join(temporaryFolder(), 'strace');
    const args = ['--quick', '--backlog', '0,7,-1,65536,NaN,4294967296', '--way', EVERY_WAY.join(',')];
    const report = compared(args, { under: ['strace', '-f', '-qq', '-e', 'trace=listen', '-o', log] });
    const seen = [...fs.readFileSync(log, 'utf8').matchAll(/\blisten\(\d+, (-?\d+)/g)].map((match) =>
      Number(match[1]),
    );
    // An adopted descriptor listens with 33 before net.Server gets it; the report leaves that call out.
    const adopted = report.rows.filter(({ way }) => way.startsWith('fd-')).map(() => 33);
    const observed = report.rows.flatMap(({ calls }) => calls ?? []);
    const sorted = (integers: number[]): number[] => integers.sort((a, b) => a - b);
    assert.deepEqual(sorted([...observed, ...adopted]), sorted(seen));
    // listenq refuses two of the six, by path and by port; every other cell has a call.
    assert.equal(observed.length, 6 * EVERY_WAY.length - 4);
  },
);

test('compare net.Server { port, host, backlog }: nothing, 0, NaN and null arrive as 511; ordinary numbers as asked', () => {
  const report = compared(['--quick', '--way', 'options', '--backlog', 'undefined,null,NaN,0,1,5,511,4096']);
  const expected = { undefined: 511, null: 511, NaN: 511, 0: 511, 1: 1, 5: 5, 511: 511, 4096: 4096 };
  assert.deepEqual(arrivals(report, 'options'), expected);
});

test('compare net.Server: what Node 20 makes of the rest, by each way', { skip: node20 }, () => {
  const list = "0,-1,0.5,'7',true,2147483648,4294967296";
  const report = compared(['--quick', '--backlog', list, '--way', EVERY_WAY.join(',')]);
  const rest = { 0: 511, 0.5: 0, "'7'": 7, true: 1, 2147483648: -(2 ** 31), 4294967296: 0 };
  for (const way of ['options', 'cluster-rr', 'cluster-none', 'path-options']) {
    assert.deepEqual(arrivals(report, way), { ...rest, '-1': -1 }, way);
  }
  for (const way of ['args', 'fd-args', 'path-args']) {
    assert.deepEqual(arrivals(report, way), { ...rest, '-1': 511 }, way);
  }
  const deaf = Object.fromEntries(report.rows.map(({ asked }) => [asked, 511]));
  assert.deepEqual(arrivals(report, 'fd-options'), deaf);
});

test('compare, every way with backlog 5: one call, six admitted, whoever holds the listener', () => {
  const report = compared([
    '--quick',
    '--backlog',
    '5',
    '--way',
    EVERY_WAY.filter((way) => way !== 'fd-options').join(','),
  ]);
  assert.equal(report.rows.length, EVERY_WAY.length - 1);
  for (const { way, calls, filling } of report.rows) {
    assert.deepEqual(calls, [5], way);
    assert.equal(filling?.limit, 5, way);
    assert.equal(filling.admitted, 6, way);
    assert.equal(filling.waiting, 6, way);
  }
});

test('compare, not --quick: 65536 is counted to the end; the client after the last sends its SYN again after a second', (t) => {
  const report = compared(['--backlog', '65536,-1,1', '--way', 'listenq']);
  if (!report.private) {
    t.skip(`needs a private network namespace: ${report.network}`);
    return;
  }
  const full = rowOf(report, 'listenq', '65536').filling;
  assert.equal(full?.limit, 65536);
  assert.equal(full.admitted, 65537);
  assert.equal(full.countedToEnd, true);
  const unlimited = rowOf(report, 'listenq', '-1').filling;
  assert.equal(unlimited?.limit, report.somaxconn);
  assert.equal(unlimited.countedToEnd, false);
  assert.equal(unlimited.admitted, 5000);
  for (const asked of ['65536', '1']) {
    const next = rowOf(report, 'listenq', asked).filling?.next;
    assert.ok(next?.sees === 'silence');
    assert.equal(next.rtoMs, 1000);
    assert.ok((next.retransmittedAfterMs as number) >= 950, `after ${next.retransmittedAfterMs} ms`);
  }
});

test('compare --backlog: repetitions go, other spellings of a number are that number', () => {
  const report = compared(['--quick', '--way', 'listenq', '--backlog', ' 5, 5.0,0x5,5e0, "7", \'7\',-0x1']);
  assert.deepEqual(
    report.rows.map(({ asked }) => asked),
    ['5', "'7'", '-1'],
  );
});

test('compare: tables of at most 120 columns, with the machine, the integers and a text', () => {
  const { stdout, stderr, status } = runCommand([
    'compare',
    '--quick',
    '--backlog',
    "null,2147483648,-2147483648,'7',5,0",
  ]);
  assert.equal(status, 0, stderr);
  for (const line of stdout.split('\n')) assert.ok(line.length <= 120, `${line.length} columns: ${line}`);
  assert.match(stdout, new RegExp(`Node ${process.version.replaceAll('.', '\\.')}`));
  assert.match(stdout, /^ *0 +0 +511 +511 /m);
  assert.match(stdout, /^ *2147483648 +ERR_OUT_OF_RANGE /m);
  assert.match(stdout, /listenq hands listen\(2\) each int32 as it is asked for: -2147483648, 5, 0\./);
});

test('compare --markdown: writes docs/compare.md below the working folder, and says so', () => {
  const cwd = temporaryFolder();
  const args = [
    'compare',
    '--quick',
    '--backlog',
    '0,5,7',
    '--way',
    'listenq,options,fd-options',
    '--markdown',
  ];
  const { stdout, stderr, status } = runCommand(args, { cwd });
  assert.equal(status, 0, stderr);
  const file = path.join(cwd, 'docs', 'compare.md');
  assert.equal(stdout, `wrote ${file}\n`);
  const text = fs.readFileSync(file, 'utf8');
  assert.match(text, /^# /);
  assert.match(text, /^\| 0 \| 0 \| 511 \| 511 \|$/m);
  assert.match(text, /^\| 5 \| 5 \| 5 \| 511 \|$/m);
  assert.ok(text.includes(`Node ${process.version}, libuv ${process.versions.uv}`));
  // The words come from the rows.
  assert.match(text, /`listen\(\{ fd, backlog: n \}\)` does not hear n: `511` arrived each time/);
});

test('compare --markdown <file> --json: both; the output is JSON alone', () => {
  const file = path.join(temporaryFolder(), 'a', 'b.md');
  const report = compared(['--quick', '--backlog', '5', '--way', 'options', '--markdown', file]);
  assert.equal(rowOf(report, 'options', '5').arrived, 5);
  assert.match(fs.readFileSync(file, 'utf8'), /^\| 5 \| 5 \|$/m);
});

/** The sysctl of the network that this test is in. */
function somaxconn(): number {
  return Number(fs.readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));
}

test('compare --no-private: says so, changes nothing, measures all the same', () => {
  const before = somaxconn();
  const report = compared(['--quick', '--no-private', '--backlog', '0,5', '--way', EVERY_WAY.join(',')]);
  assert.equal(report.private, false);
  assert.match(report.network, /in the open/);
  assert.equal(report.somaxconn, before);
  assert.equal(somaxconn(), before);
  assert.equal(rowOf(report, 'options', '0').filling?.admitted, 512);
  assert.equal(rowOf(report, 'listenq', '0').filling?.admitted, 1);
});

test('compare in a private network: the somaxconn outside stays as it is', () => {
  const before = somaxconn();
  const report = compared(['--quick', '--backlog', '-1', '--way', 'listenq']);
  assert.equal(somaxconn(), before);
  assert.equal(rowOf(report, 'listenq', '-1').filling?.limit, report.somaxconn);
});

test('compare --somaxconn: that is the cap in the private network', { skip: needsRoot() }, () => {
  const report = compared(['--quick', '--somaxconn', '7', '--backlog', '5,8,-1', '--way', 'listenq']);
  assert.equal(report.somaxconn, 7);
  const admitted = ['5', '8', '-1'].map((asked) => rowOf(report, 'listenq', asked).filling?.admitted);
  assert.deepEqual(admitted, [6, 8, 8]);
});

test('compare --somaxconn --no-private: nothing is changed in the open, exit status 2', () => {
  const { status, stderr } = runCommand(['compare', '--somaxconn', '7', '--no-private']);
  assert.match(stderr, /^listenq: .*--somaxconn.*--no-private/);
  assert.equal(status, 2);
});

test('compare, told by its environment that it is inside a namespace, and is not: does not believe it', () => {
  const before = somaxconn();
  const own = fs.readlinkSync('/proc/self/ns/net');
  const args = ['--quick', '--backlog', '-1', '--way', 'listenq'];
  compared(args, { env: { LISTENQ_COMPARE_NAMESPACE: own } });
  assert.equal(somaxconn(), before);
});

const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] as const;
const asNobody = anyOf(needsRoot(), needsTool('setpriv')) || cannotRead();

/** Whether another user may load the checkout at all. */
function cannotRead(): string | false {
  const [command, ...options] = NOBODY;
  return spawnSync(command, [...options, process.execPath, MAIN, '--version']).status === 0
    ? false
    : 'needs a checkout that other users can read';
}

test(
  'compare as another user: in a user namespace, or in the open with the reason',
  { skip: asNobody },
  () => {
    const report = compared(['--quick', '--backlog', '0,7,-1', '--way', 'listenq,options,cluster-rr'], {
      under: NOBODY,
    });
    assert.match(
      report.network,
      report.private ? /user namespace/ : /in the open.*no private network namespace/,
    );
    assert.deepEqual(arrivals(report, 'listenq'), { 0: 0, 7: 7, '-1': -1 });
    assert.equal(rowOf(report, 'cluster-rr', '7').filling?.admitted, 8);
  },
);

test('compare as another user, --no-private: in the open', { skip: asNobody }, () => {
  const report = compared(['--quick', '--no-private', '--backlog', '7', '--way', 'listenq,options'], {
    under: NOBODY,
  });
  assert.equal(report.private, false);
  assert.equal(rowOf(report, 'options', '7').filling?.admitted, 8);
});

test('compare without unshare(1), as another user: in the open, and says why', { skip: asNobody }, () => {
  const env = { PATH: '/nonexistent' };
  const setpriv = spawnSync('sh', ['-c', 'command -v setpriv'], { encoding: 'utf8' }).stdout.trim();
  const report = compared(['--quick', '--backlog', '7', '--way', 'listenq'], {
    under: [setpriv, ...NOBODY.slice(1)],
    env,
  });
  assert.equal(report.private, false);
  assert.match(report.network, /unshare.*ENOENT/);
});

test('compare where listen(2) cannot be observed: shows no integer rather than a guess, exit status 1', () => {
  // A process can have one such observer, and its children inherit it.
  const script = `require(${JSON.stringify(require.resolve('listenq/lab'))}).observeListen();
    const { status } = require('node:child_process').spawnSync(process.execPath, process.argv.slice(1), { stdio: 'inherit' });
    process.exit(status);`;
  const args = [
    'compare',
    '--quick',
    '--no-private',
    '--json',
    '--backlog',
    '5',
    '--way',
    'listenq,options,cluster-rr',
  ];
  const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', script, MAIN, ...args], {
    encoding: 'utf8',
  });
  assert.equal(status, 1);
  assert.match(stderr, /^listenq: [^\n]*could not be observed[^\n]*EBUSY[^\n]*\n$/);
  const { rows } = JSON.parse(stdout) as ReturnType<typeof compared>;
  for (const { way, calls, arrived } of rows) assert.deepEqual([calls, arrived], [null, null], way);
  assert.equal(rows.find(({ way }) => way === 'options')?.filling?.admitted, 6);
});

test('compare: leaves no process and no file behind', () => {
  const folder = temporaryFolder();
  const report = compared(['--quick', '--backlog', '0,5', '--way', EVERY_WAY.join(',')], {
    env: { TMPDIR: folder },
  });
  assert.equal(report.rows.length, 2 * EVERY_WAY.length);
  assert.deepEqual(fs.readdirSync(folder), []);
  assert.deepEqual(lingering(folder), []);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`compare, ${signal} on the way: one line, exit status 1, no process and no file left`, async () => {
    const folder = temporaryFolder();
    const started = (): boolean =>
      fs.readdirSync(folder).length > 0 && processesWith(`TMPDIR=${folder}`).length > 4;
    const { status, stderr } = await interruptCommand(['compare'], signal, { TMPDIR: folder }, started);
    assert.equal(stderr, `listenq: interrupted by ${signal}\n`);
    assert.equal(status, 1);
    assert.deepEqual(fs.readdirSync(folder), []);
    assert.deepEqual(lingering(folder), []);
  });
}

/** Processes that still run two seconds after the command ended: a killed one needs a moment. */
function lingering(folder: string): string[] {
  let left: string[] = [];
  for (let i = 0; i < 100; i++) {
    left = processesWith(`TMPDIR=${folder}`);
    if (left.length === 0) break;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
  return left;
}
