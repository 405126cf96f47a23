import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { counters, type ListeningSocket } from 'listenq/kernel';
import { anyOf, needsTool, privateNetwork, temporaryFolder } from '../support/machine';
import { needsStrace } from '../support/strace';
import { dropsOf } from '../support/queue';
import { beginConnects, closeAll, portOf } from '../support/sockets';
import { MAIN, runCommand } from './command-line';
import { filled, needsMounts, onTerminal, WITHOUT_NETLINK, WITHOUT_PROC } from './private-command';

const skip = privateNetwork();
/** An escape sequence that sets a colour or a weight. */
const COLOUR = /\x1b\[[\d;]*m/; // eslint-disable-line no-control-regex
const ENTERED = '\x1b[?1049h';
const LEFT = '\x1b[?25h\x1b[?1049l';

interface Line {
  time: string;
  seconds: number | null;
  namespace: {
    counters: Record<string, number> | null;
    perSecond: Record<string, number> | null;
  };
  listeners: (ListeningSocket & { perSecond: Record<string, number | null> | null })[];
  problems: string[];
}

function linesOf(stdout: string): Line[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

test('watch --once: a table with address, owner, queue of limit and drops, exit status 0', { skip }, () => {
  const { listener, close } = filled({ backlog: 5 }, 9);
  const { stdout, stderr, status } = runCommand(['watch', '--once']);
  assert.equal(stderr, '');
  assert.equal(status, 0);
  const row = stdout.split('\n').find((line) => line.startsWith(`127.0.0.1:${portOf(listener.address())} `));
  assert.match(row ?? '', new RegExp(` node ${process.pid}  █{12} +6 of 5 +0 +${dropsOf(listener.fd)}$`));
  assert.match(stdout, new RegExp(`began: ${counters().listenOverflows} overflows,`));
  assert.doesNotMatch(stdout, /\x1b/); // eslint-disable-line no-control-regex
  assert.doesNotMatch(stdout, /History|Accepts/, 'one sample has neither');
  close();
});

test('watch --json: the numbers of the kernel, a line for each sample', { skip }, () => {
  const some = [
    filled({ backlog: 0 }, 4),
    filled({ backlog: 7 }, 3),
    filled({ path: '\0listenq-watch', backlog: 2 }, 2),
  ];
  const { stdout, status } = runCommand(['watch', '--json', '--count', '3', '--interval', '0.1']);
  assert.equal(status, 0);
  const lines = linesOf(stdout);
  assert.equal(lines.length, 3);
  assert.deepEqual(
    lines.map(({ seconds }) => seconds === null),
    [true, false, false],
  );
  for (const { listeners, namespace, problems } of lines) {
    assert.deepEqual(problems, []);
    const seen = some.map(({ listener }) => {
      const inode = fs.fstatSync(listener.fd).ino;
      const socket = listeners.find((other) => other.inode === inode);
      assert.deepEqual(socket?.processes, [{ pid: process.pid, name: 'node', fd: listener.fd }]);
      return { length: socket.length, limit: socket.limit, drops: socket.drops ?? undefined };
    });
    assert.deepEqual(
      seen,
      some.map(({ listener }) => listener.queue()),
    );
    assert.equal(namespace.counters?.['listenOverflows'], counters().listenOverflows);
    assert.equal(namespace.counters?.['passiveOpens'], counters().passiveOpens);
  }
  for (const { close } of some) close();
});

test('watch --json: connections, accepts and drops a second, as many as there were', { skip }, async () => {
  const { listener, close } = filled({ backlog: 3 }, 0);
  const child = spawn(process.execPath, [MAIN, 'watch', '--json', '--interval', '0.3', '--count', '6'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: Line[] = [];
  const closed = once(child, 'close');
  for await (const text of createInterface(child.stdout)) {
    lines.push(JSON.parse(text) as Line);
    if (lines.length === 1) closeAll(beginConnects(listener.address(), 7).slice(4));
    if (lines.length === 3) for (let i = 0; i < 3; i++) listener.accept().close();
  }
  assert.deepEqual(await closed, [0, null]);
  const sum = (rate: (line: Line) => number | null | undefined): number =>
    Math.round(lines.reduce((all, line) => all + (rate(line) ?? 0) * (line.seconds ?? 0), 0));
  assert.equal(
    sum(({ namespace }) => namespace.perSecond?.['passiveOpens']),
    4,
  );
  assert.equal(
    sum(({ namespace }) => namespace.perSecond?.['accepted']),
    3,
  );
  assert.equal(
    sum(({ namespace }) => namespace.perSecond?.['listenOverflows']),
    3,
  );
  const { ino } = fs.fstatSync(listener.fd);
  const of = ({ listeners }: Line): Line['listeners'][number] | undefined =>
    listeners.find(({ inode }) => inode === ino);
  assert.equal(
    sum((line) => of(line)?.perSecond?.['drops']),
    3,
  );
  assert.equal(
    sum((line) => of(line)?.perSecond?.['acceptedAtLeast']),
    3,
  );
  close();
});

test('watch --port: only those, also of several; nobody there is no error', { skip }, () => {
  const three = [filled({ backlog: 1 }, 0), filled({ backlog: 2 }, 0), filled({ backlog: 3 }, 0)];
  const [one = 0, two = 0] = three.map(({ listener }) => portOf(listener.address()));
  const { stdout } = runCommand(['watch', '--once', '--json', '--port', String(one), '--port', String(two)]);
  const limits = linesOf(stdout)[0]?.listeners.map(({ limit }) => limit);
  assert.deepEqual(limits?.sort(), [1, 2]);
  const nobody = runCommand(['watch', '--once', '--port', '9']);
  assert.match(nobody.stdout, /^Nobody listens\.$/m);
  assert.equal(nobody.status, 0);
  for (const { close } of three) close();
});

for (const [args, named] of [
  [['--interval', '0'], '0.1 to 3600'],
  [['--interval', '1e1'], "'1e1'"],
  [['--count', '0'], 'whole number from 1'],
  [['--count', '1.5'], "'1.5'"],
  [['--port', '65536'], 'from 1 to 65535'],
  [['--once', '--count', '2'], '--once'],
] as const) {
  test(`watch ${args.join(' ')}: exit status 2, and a line that says what is meant`, () => {
    const { stdout, stderr, status } = runCommand(['watch', ...args]);
    assert.match(stderr, /^listenq: [^\n]+\n$/);
    assert.ok(stderr.includes(named), stderr);
    assert.deepEqual([stdout, status], ['', 2]);
  });
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(
    `watch, output to a pipe: tables until ${signal}, which ends it with exit status 0`,
    { skip },
    async () => {
      const child = spawn(process.execPath, [MAIN, 'watch', '--interval', '0.1'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let [text, asked] = ['', false];
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        if (asked || text.split('Since this').length < 4) return;
        asked = true;
        child.kill(signal);
      });
      assert.deepEqual(await once(child, 'close'), [0, null]);
      assert.doesNotMatch(text, /\x1b/); // eslint-disable-line no-control-regex
    },
  );
}

const terminal = { skip: anyOf(skip, needsTool('python3')) };
const WATCH = [process.execPath, MAIN, 'watch', '--interval', '0.2'];

for (const [name, key] of [
  ['q', 'q'],
  ['Ctrl-C', '\x03'],
  ['SIGTERM', 'kill:SIGTERM'],
  ['SIGINT', 'kill:SIGINT'],
] as const) {
  test(`watch on a terminal: draws in place until ${name}, then leaves it as it was`, terminal, () => {
    const { close } = filled({ backlog: 5 }, 6);
    const steps = [
      ['6 of 5', ''],
      ['Accepts', ''],
      ['\x1b[H', key],
    ] as const;
    const { output, status, settings } = onTerminal(steps, WATCH);
    assert.equal(status, 0);
    assert.equal(output.split(ENTERED).length, 2, 'the alternate screen, once');
    assert.ok(output.endsWith(LEFT), JSON.stringify(output.slice(-40)));
    assert.ok(!output.slice(output.indexOf('\x1b[?25l')).slice(0, -LEFT.length).includes('\x1b[?25h'));
    assert.equal(settings, 'restored');
    assert.match(output, COLOUR);
    assert.match(output, /██\x1b\[K/, 'the history has two samples'); // eslint-disable-line no-control-regex
    close();
  });
}

test(
  'watch on a terminal, many listeners: the fullest, and how many more; a resize draws anew',
  terminal,
  () => {
    const idle = Array.from({ length: 40 }, () => filled({ backlog: 9 }, 0));
    const full = filled({ backlog: 4 }, 5);
    // There is one sample in that hour: what is drawn after it is drawn because of the size.
    const steps = [
      ['25 more', 'size:14x100'],
      ['35 more', 'size:60x60'],
      ['41 listeners', 'q'],
    ] as const;
    const { output, status } = onTerminal(steps, [process.execPath, MAIN, 'watch', '--interval', '3600']);
    assert.equal(status, 0);
    const frames = output.split('\x1b[H').slice(1);
    const heightOf = (frame: string | undefined): number => (frame ?? '').split('\r\n').length;
    for (const frame of frames) {
      const rows = frame.split('\r\n').filter((line) => line.includes('127.0.0.1:'));
      assert.match(rows[0] ?? '', /5 of 4/);
    }
    assert.ok(heightOf(frames[0]) <= 24);
    assert.ok(heightOf(frames.find((frame) => frame.includes('35 more'))) <= 14);
    assert.equal(frames.at(-1)?.split('127.0.0.1:').length, 42, 'all of them, where there is room');
    for (const { close } of [...idle, full]) close();
  },
);

test('watch, its terminal goes away: ends by SIGHUP', terminal, () => {
  assert.equal(onTerminal([['q ends', 'hangup']], WATCH).status, -os.constants.signals.SIGHUP);
});

test('watch on a terminal under NO_COLOR: in place, and without colours', terminal, () => {
  const { close } = filled({ backlog: 5 }, 6);
  const { output, status } = onTerminal(
    [
      ['6 of 5', ''],
      ['6 of 5', 'q'],
    ],
    WATCH,
    { NO_COLOR: '1' },
  );
  assert.equal(status, 0);
  assert.ok(output.includes(ENTERED));
  assert.doesNotMatch(output, COLOUR);
  close();
});

test('watch on a terminal without abilities (TERM=dumb): tables, as to a pipe', terminal, () => {
  const { output, status } = onTerminal(
    [
      ['Since', ''],
      ['Since', 'kill:SIGINT'],
    ],
    WATCH,
    { TERM: 'dumb' },
  );
  assert.equal(status, 0);
  assert.doesNotMatch(output, /\x1b/); // eslint-disable-line no-control-regex
});

test('watch: a name with control characters does not reach the terminal', { skip }, () => {
  const { close } = filled({ path: '\0evil\x1b[2J\nname', backlog: 1 }, 0);
  const { stdout } = runCommand(['watch', '--once']);
  assert.match(stdout, /^@evil\?\[2J\?name /m);
  close();
});

test(
  'watch, its socket diagnostics refused: what /proc tells, and the reason for what it does not',
  { skip: anyOf(skip, needsStrace()) },
  () => {
    const { listener, close } = filled({ backlog: 5 }, 6);
    const { stdout, status } = runCommand(['watch', '--once'], { under: WITHOUT_NETLINK });
    assert.match(stdout, new RegExp(`^127.0.0.1:${portOf(listener.address())} .* 6 of \\? `, 'm'));
    assert.match(stdout, /^limit, drops, synLength: .*EACCES/m);
    assert.equal(status, 0);
    close();
  },
);

test('watch without /proc: what the diagnostics tell', { skip: anyOf(skip, needsMounts()) }, () => {
  const { close } = filled({ backlog: 5 }, 6);
  const { stdout, status } = runCommand(['watch', '--once'], { under: WITHOUT_PROC });
  assert.match(stdout, / \? +█{12} +6 of 5 /);
  assert.match(stdout, /^counters: open ENOENT.*\(is \/proc mounted\?\)$/m);
  assert.match(stdout, /^processes: .*ENOENT/m);
  assert.equal(status, 0);
  close();
});

test(
  'watch with neither: one line, exit status 1',
  { skip: anyOf(skip, needsMounts(), needsStrace()) },
  () => {
    const { stdout, stderr, status } = runCommand(['watch', '--once'], {
      under: [...WITHOUT_PROC, ...WITHOUT_NETLINK],
    });
    assert.match(stderr, /^listenq: listeners: .*EACCES.*; counters: .*ENOENT[^\n]*\n$/);
    assert.deepEqual([stdout, status], ['', 1]);
  },
);

test(
  'watch: looks for owners when a listener appears, and not each time',
  { skip: anyOf(skip, needsStrace()) },
  () => {
    const { close } = filled({ backlog: 1 }, 0);
    const file = path.join(temporaryFolder(), 'trace');
    const under = ['strace', '-f', '-qq', '-o', file, '-e', 'trace=openat'];
    const { stdout } = runCommand(['watch', '--json', '--interval', '0.1', '--count', '5'], { under });
    assert.equal(linesOf(stdout).length, 5);
    const trace = fs.readFileSync(file, 'utf8');
    assert.equal(trace.split('"/proc/thread-self/net/netstat"').length - 1, 5);
    assert.equal(trace.split('"/proc", O_').length - 1, 1);
    close();
  },
);

test('watch --json: each listener as ss shows it', { skip: anyOf(skip, needsTool('ss')) }, () => {
  const some = [filled({ backlog: 3 }, 2), filled({ backlog: 0 }, 3), filled({ host: '::1', backlog: 9 }, 4)];
  const [line] = linesOf(runCommand(['watch', '--json', '--once']).stdout);
  const ours = line?.listeners
    .filter(({ protocol }) => protocol === 'tcp')
    .map(
      ({ address, length, limit }) => `${length} ${limit} ${address.family === 'unix' ? '' : address.port}`,
    );
  const shown = spawnSync('ss', ['-Hltn'], { encoding: 'utf8' }).stdout.trimEnd().split('\n');
  const theirs = shown.map((text) =>
    /^LISTEN\s+(\d+)\s+(\d+)\s+\S*:(\d+)\s/.exec(text)?.slice(1, 4).join(' '),
  );
  assert.deepEqual(ours?.sort(), theirs.sort());
  assert.ok(theirs.length >= 3);
  for (const { close } of some) close();
});
