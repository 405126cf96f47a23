import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { test } from 'node:test';
import { listen, type Listener } from 'listenq';
import { explainBacklog, portAdvice, recommendBacklog } from 'listenq/kernel';
import { anyOf, needsRoot, needsTool, privateNetwork, setSysctl } from '../support/machine';
import { beginConnects, closeAll, isConnected } from '../support/sockets';
import { runCommand } from './command-line';

const alone = privateNetwork();
const SOMAXCONN = 'net.core.somaxconn';

/** What `listenq explain` prints, on one line. */
function explain(...args: (string | number)[]): string {
  const { stdout, stderr, status } = runCommand(['explain', ...args.map(String)]);
  assert.deepEqual([stderr, status], ['', 0]);
  return stdout.replaceAll(/\s+/g, ' ');
}

function explainJson(...args: (string | number)[]): unknown {
  return JSON.parse(explain(...args, '--json'));
}

/** The lines to copy, whole. */
function commandsIn(...args: string[]): string[] {
  const { stdout } = runCommand(['explain', ...args]);
  assert.doesNotMatch(stdout, /\S.*sysctl -w/);
  return [...stdout.matchAll(/^ +(sysctl -w .*)$/gm)].map(([, line]) => line ?? '');
}

function numberIn(text: string, pattern: RegExp): number {
  const found = pattern.exec(text)?.[1];
  assert.ok(found !== undefined, `${pattern} is not in: ${text}`);
  return Number(found);
}

/** A counter of TcpExt, by the kernel's name. */
function counter(name: string): number {
  const [names, values] = fs
    .readFileSync('/proc/net/netstat', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('TcpExt:'))
    .map((line) => line.split(' '));
  return Number(values?.[names?.indexOf(name) ?? -1]);
}

/** Lets clients come one after another, more than fit, and says how many got in. */
function admitted(listener: Listener, attempts: number): number {
  const clients = beginConnects(listener.address(), attempts);
  const count = clients.filter(isConnected).length;
  closeAll(clients);
  return count;
}

for (const backlog of [-2147483648, -1, 0, 1, 5, 6, 7, 8, 100000]) {
  test(
    `explain ${backlog}: the numbers in its sentences are those of a real queue, somaxconn 7`,
    { skip: alone },
    () => {
      setSysctl(SOMAXCONN, 7);
      const text = explain(backlog);
      const listener = listen({ host: '127.0.0.1', backlog });
      assert.equal(numberIn(text, /The kernel holds (\d+)/), listener.queue().limit);
      const before = counter('ListenOverflows');
      const waiting = numberIn(text, /How many clients can wait\? (\d+)\./);
      assert.equal(admitted(listener, 12), waiting);
      assert.equal(counter('ListenOverflows') - before, 12 - waiting);
      assert.match(
        text,
        /Silence: its SYN is dropped.* Each SYN moves ListenOverflows and ListenDrops by 1\./,
      );
      assert.equal(text.includes('silently'), backlog < 0 || backlog > 7);
      listener.close();
      setSysctl(SOMAXCONN, 4096);
    },
  );
}

test(
  'explain, a backlog that is capped: its sysctl line, carried out, lets the kernel hold it',
  { skip: anyOf(alone, needsTool('sysctl')) },
  () => {
    setSysctl(SOMAXCONN, 7);
    const [line, ...others] = commandsIn('20');
    assert.deepEqual(others, []);
    assert.equal(spawnSync('sh', ['-c', line ?? 'false']).status, 0);
    const listener = listen({ host: '127.0.0.1', backlog: 20 });
    assert.equal(listener.queue().limit, 20);
    listener.close();
    assert.doesNotMatch(explain(20), /sysctl -w/);
    setSysctl(SOMAXCONN, 4096);
  },
);

for (const backlog of [0, 3, -1]) {
  test(
    `explain ${backlog}: what it says of a Unix-domain socket is what one does, somaxconn 7`,
    { skip: alone },
    () => {
      setSysctl(SOMAXCONN, 7);
      const text = explain(backlog);
      const listener = listen({ path: `\0listenq-explain-${process.pid}`, backlog });
      const waiting = numberIn(text, /Unix-domain socket\? (\d+) clients? can wait/);
      const clients = beginConnects(listener.address(), waiting);
      assert.throws(() => beginConnects(listener.address(), 1), { code: 'EAGAIN' });
      assert.match(text, /gets EAGAIN at once/);
      closeAll(clients);
      listener.close();
      setSysctl(SOMAXCONN, 4096);
    },
  );
}

for (const [cookies, said] of [
  [0, /A SYN beyond is dropped, as net\.ipv4\.tcp_syncookies is 0/],
  [1, /A SYN beyond is answered with a cookie.*tcp_max_syn_backlog = 99 plays no part/],
  [2, /None is stored: net\.ipv4\.tcp_syncookies = 2/],
] as const) {
  test(
    `explain: half-open connections by the sysctls of the moment, tcp_syncookies ${cookies}`,
    { skip: alone },
    () => {
      setSysctl('net.ipv4.tcp_syncookies', cookies);
      setSysctl('net.ipv4.tcp_max_syn_backlog', 99);
      assert.match(explain(5), said);
      setSysctl('net.ipv4.tcp_syncookies', 1);
    },
  );
}

for (const [cookies, abort, said] of [
  [0, 0, /when the queue filled believes that it is connected/],
  [0, 1, /when the queue filled is reset, as net\.ipv4\.tcp_abort_on_overflow is 1\./],
  [1, 1, /is reset, as net\.ipv4\.tcp_abort_on_overflow is 1; not one that was answered with a cookie/],
  [2, 1, /believes that it is connected,.*: it has a cookie, and is never reset, although .* is 1\./],
] as const) {
  test(`explain: the client whose handshake was under way, tcp_syncookies ${cookies}, tcp_abort_on_overflow ${abort}`, () => {
    const limits = [`tcp_syncookies=${cookies}`, `tcp_abort_on_overflow=${abort}`];
    assert.match(explain(5, ...limits.flatMap((limit) => ['--limit', limit])), said);
  });
}

for (const [value, said] of [
  [
    -2147483648,
    /No handshake may be under way, as net\.ipv4\.tcp_max_syn_backlog = -2147483648 is negative\./,
  ],
  [-1, /1 handshake may be under way, as net\.ipv4\.tcp_max_syn_backlog = -1 is negative\./],
  [5, /5 handshakes may be under way, three quarters of .* = 5, rounded up, and one more/],
] as const) {
  test(`explain: tcp_max_syn_backlog ${value}: how many handshakes, and why`, () => {
    const limits = ['somaxconn=4096', 'tcp_syncookies=0', `tcp_max_syn_backlog=${value}`];
    assert.match(explain(511, ...limits.flatMap((limit) => ['--limit', limit])), said);
  });
}

test('explain: SOMAXCONN is said to be what listen(2) does not look at', () => {
  assert.match(explain(5), /SOMAXCONN, \d+ in the C headers here, .* which listen\(2\) does not look at\./);
});

test('explain --json: the explanation, as explainBacklog gives it', () => {
  for (const backlog of [5, -1, 100000])
    assert.deepEqual(explainJson(backlog), JSON.parse(JSON.stringify(explainBacklog(backlog))));
});

test('explain -1, with and without --: the same', () => {
  assert.equal(explain('-1'), explain('--', '-1'));
  assert.match(explain('-1'), /listen\(-1\)/);
});

test('explain --limit: another machine, by each spelling of a sysctl; the last one counts', () => {
  const expected = explainBacklog(511, { somaxconn: 128, tcpMaxSynBacklog: 64, tcpSyncookies: 0 });
  for (const [one, two, three] of [
    ['somaxconn', 'tcp_max_syn_backlog', 'tcp_syncookies'],
    ['net.core.somaxconn', 'net.ipv4.tcp_max_syn_backlog', 'net.ipv4.tcp_syncookies'],
    ['somaxconn', 'tcpMaxSynBacklog', 'tcpSyncookies'],
  ] as const) {
    const given = ['somaxconn=1', `${one}=128`, `${two}=64`, `${three}=0`].flatMap((limit) => [
      '--limit',
      limit,
    ]);
    assert.deepEqual(explainJson(511, ...given), JSON.parse(JSON.stringify(expected)));
  }
});

test('explain --kernel: says what that kernel does, and which of its limits are assumed', () => {
  const text = explain(511, '--kernel', '4.9', '--limit', 'tcp_syncookies=1');
  assert.match(text, /listen\(511\) on Linux 4\.9 /);
  assert.match(text, /The kernel holds 128/);
  assert.match(text, /assumed: .*- net\.core\.somaxconn: 128/);
  assert.doesNotMatch(text, /- net\.ipv4\.tcp_syncookies/);
  assert.doesNotMatch(explain(511), /assumed/);
});

test(
  'explain, sysctls that cannot be read: says what it assumes, and which facts of a port are not known',
  {
    skip: anyOf(needsRoot(), spawnSync('unshare', ['-m', 'true']).status === 0 ? false : 'needs unshare -m'),
  },
  () => {
    const under = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /proc/sys/net && exec "$@"', 'sh'];
    const { stdout, status } = runCommand(['explain', '5', '--port', '40000'], { under });
    assert.match(stdout, /assumed:\n(- .*\n)*- net\.core\.somaxconn: 4096/);
    assert.match(stdout.replaceAll(/\s+/g, ' '), /Not known: ephemeral \(ENOENT/);
    assert.equal(status, 0);
  },
);

test(
  'explain --port, without a backlog: what portAdvice says, and no word on backlogs',
  { skip: alone },
  () => {
    for (const port of [0, 80, 40000]) {
      const text = explain('--port', port);
      for (const sentence of portAdvice(port).advice) assert.ok(text.includes(sentence), text);
      assert.doesNotMatch(text, /listen\(|How/);
      assert.deepEqual(explainJson('--port', port), {
        port: JSON.parse(JSON.stringify(portAdvice(port))) as unknown,
        listening: [],
      });
    }
    assert.match(explain('--port', 8099), /Nothing speaks against it/);
  },
);

test('explain --port that is taken: who listens on it, and at which address', { skip: alone }, () => {
  const listener = listen({ host: '127.0.0.1', port: 8098 });
  const text = explain('--port', 8098);
  assert.ok(text.includes(`It is taken: node ${process.pid} listens at 127.0.0.1:8098.`), text);
  assert.doesNotMatch(text, /Nothing speaks against it/);
  const { listening } = explainJson('--port', 8098) as { listening: { inode: number }[] };
  assert.deepEqual(
    listening.map(({ inode }) => inode),
    [fs.fstatSync(listener.fd).ino],
  );
  listener.close();
});

test('explain --rate 0 --pause 0: no word of those who come unevenly, as nobody comes', () => {
  const text = explain('--rate', 0, '--pause', 0);
  assert.match(text, /should it be\? 0\. In 0 ms at 0 arrivals a second, 0 clients would come/);
  assert.doesNotMatch(text, /million/);
  assert.match(explain('--rate', 10, '--pause', 100), /, 1 client would come on average/);
});

test(
  'explain --rate --pause: what recommendBacklog says, with the sysctl in the way',
  { skip: alone },
  () => {
    setSysctl(SOMAXCONN, 128);
    const recommendation = recommendBacklog({ arrivalsPerSecond: 2000, longestPauseMs: 250.5 });
    const text = explain('--rate', 2000, '--pause', '250.5');
    assert.equal(numberIn(text, /How large should it be\? (\d+)\./), recommendation.backlog);
    assert.deepEqual(
      commandsIn('--rate', '2000', '--pause', '250.5'),
      recommendation.obstacles.map(({ set }) => set),
    );
    assert.ok(recommendation.obstacles.length > 0);
    assert.deepEqual(explainJson('--rate', 2000, '--pause', '250.5'), {
      recommendation: JSON.parse(JSON.stringify(recommendation)) as unknown,
    });
    setSysctl(SOMAXCONN, 4096);
  },
);

test('explain N --rate --pause: whether N would do', { skip: alone }, () => {
  const load = ['--rate', '100', '--pause', '50'];
  const { backlog } = recommendBacklog({ arrivalsPerSecond: 100, longestPauseMs: 50 });
  assert.match(explain(backlog, ...load), /can wait: enough/);
  assert.match(explain(backlog - 1, ...load), /can wait: too few/);
});

for (const [args, named] of [
  [[], 'a backlog, --rate and --pause, or --port'],
  [['abc'], "'abc'"],
  [['0.5'], "'0.5'"],
  [['-0.5'], "'-0.5'"],
  [[''], "''"],
  [['0x5'], "'0x5'"],
  [['2147483648'], "'2147483648'"],
  [['-2147483649'], "'-2147483649'"],
  [['5', '6'], 'too many arguments'],
  [['5', '--rate', '3'], '--pause'],
  [['5', '--pause', '3'], '--rate'],
  [['--rate', '-3', '--pause', '3'], "'-3'"],
  [['--rate', 'x', '--pause', '3'], "'x'"],
  [['--rate', '9'.repeat(20), '--pause', '99999'], '--rate'],
  [['5', '--limit', 'nonsense=3'], "'nonsense=3'"],
  [['5', '--limit', 'tcp_fastopen=1'], "'tcp_fastopen=1'"],
  [['5', '--limit', 'somaxconn'], "'somaxconn'"],
  [['5', '--limit', 'somaxconn=-4'], '--limit somaxconn'],
  [['5', '--kernel', '2.6'], '--kernel'],
  [['5', '--kernel', 'new'], "'--kernel <release>' argument 'new' is invalid. It must be a kernel's release"],
  [['--port', '65536'], "'65536'"],
  [['--port', '80', '--kernel', '5.4'], '--kernel'],
  [['--port', '80', '--limit', 'somaxconn=4'], '--limit'],
] as [string[], string][]) {
  test(`explain ${args.map((arg) => (arg === '' ? "''" : arg)).join(' ')}: one line on stderr that names it, exit status 2`, () => {
    const { stdout, stderr, status } = runCommand(['explain', ...args]);
    assert.match(stderr, /^listenq: [^\n]+\n$/);
    assert.ok(stderr.includes(named), stderr);
    assert.deepEqual([stdout, status], ['', 2]);
  });
}
