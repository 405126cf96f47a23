import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { test } from 'node:test';
import { limits, listen } from 'listenq';
import { counters, type ListeningSocket } from 'listenq/kernel';
import { anyOf, needsRoot, needsTool, privateNetwork, setSysctl } from '../support/machine';
import { needsStrace } from '../support/strace';
import { beginConnect, beginConnects, closeAll, portOf } from '../support/sockets';
import { runCommand } from './command-line';
import { diagnose, diagnoseMeanwhile, linesOf } from './diagnosis';
import { filled, needsMounts, WITHOUT_NETLINK, WITHOUT_PROC } from './private-command';

const skip = privateNetwork();

const HEALTHY = 1500;

test('doctor, nobody listens and nothing happened: nothing is wrong, exit status 0', { skip }, () => {
  const { stdout, status } = runCommand(['doctor', '--for', '0']);
  assert.match(stdout, /\nNothing is wrong\.\n$/);
  assert.equal(status, 0);
  assert.deepEqual(diagnose().found, []);
});

test('doctor, listeners without a queue: nothing is wrong, and the numbers of the kernel', { skip }, () => {
  const { listener, close } = filled({ backlog: HEALTHY }, 3);
  const diagnosis = diagnose();
  assert.deepEqual(diagnosis.found, []);
  assert.deepEqual(diagnosis.unknown, []);
  const { inode, length, limit, drops, processes } = diagnosis.listeners?.[0] ?? ({} as ListeningSocket);
  assert.equal(inode, fs.fstatSync(listener.fd).ino);
  assert.deepEqual({ length, limit, drops }, listener.queue());
  assert.deepEqual(processes, [{ pid: process.pid, name: 'node', fd: listener.fd }]);
  assert.deepEqual({ ...limits(), ...diagnosis.limits }, limits());
  assert.deepEqual(diagnosis.counters.total, counters());
  assert.equal(diagnosis.counters.moved?.['listenOverflows'], 0);
  close();
});

for (const [backlog, clients, expected] of [
  [9, 6, undefined],
  [9, 7, 'problem queue-nearly-full'],
  [9, 9, 'problem queue-nearly-full'],
  [9, 10, 'problem queue-full'],
  [1, 1, undefined],
  [1, 2, 'problem queue-full'],
] as const) {
  for (const where of [{}, { path: `\0listenq-doctor-${backlog}-${clients}` }]) {
    const name = 'path' in where ? 'a Unix-domain queue' : 'a queue';
    test(`doctor, ${name} of limit ${backlog} with ${clients}: ${expected ?? 'no problem'}`, { skip }, () => {
      const { close } = filled({ backlog, ...where }, clients);
      const diagnosis = diagnose();
      assert.deepEqual(diagnosis.found, expected === undefined ? [] : [expected]);
      const [finding] = diagnosis.findings;
      if (finding !== undefined) {
        assert.match(finding.details[0] ?? '', new RegExp(`${clients} wait, limit ${backlog}`));
        assert.ok(linesOf(diagnosis, finding.id).includes('Backlog=1024'));
      }
      close();
    });
  }
}

test(
  'doctor, SYNs dropped earlier: advice without a number while that listener lives, then nothing',
  { skip },
  () => {
    const { listener, close } = filled({ backlog: 2 }, 6);
    for (let i = 0; i < 3; i++) listener.accept().close();
    const diagnosis = diagnose(['--port', String(portOf(listener.address()))]);
    assert.deepEqual(diagnosis.found, ['advice drops']);
    assert.match(diagnosis.findings[0]?.title ?? '', /dropped 3 SYNs earlier, and none now.*a new socket$/);
    assert.match(diagnosis.findings[0]?.details[0] ?? '', /: 0 wait, limit 2, 3 drops$/);
    assert.doesNotMatch(linesOf(diagnosis, 'drops').join('\n'), /acklog: ?\d|Backlog=/);
    assert.match(linesOf(diagnosis, 'drops').join('\n'), /^npx listenq explain --rate R --pause MS$/m);
    close();
    assert.ok((counters().listenOverflows ?? 0) >= 3, 'the namespace remembers');
    assert.deepEqual(diagnose().found, []);
  },
);

test(
  'doctor, SYNs dropped while it looks and nobody accepts: one finding, with each of them',
  { skip },
  () => {
    const { listener, close } = filled({ backlog: 0 }, 1);
    const late = beginConnects(listener.address(), 2);
    const diagnosis = diagnose(['--for', '1.5']);
    assert.deepEqual(diagnosis.found, ['problem not-accepted']);
    const [socket] = diagnosis.listeners ?? [];
    assert.ok(diagnosis.findings[0]?.details[0]?.endsWith(`${socket?.droppedNow} of them now`));
    assert.ok((socket?.droppedNow ?? 0) >= 2, 'both have sent their SYN again');
    assert.equal(socket?.droppedNow, diagnosis.counters.moved?.['listenDrops']);
    closeAll(late);
    close();
  },
);

test('doctor, a full SYN queue without syncookies: drops now, and the sysctl', { skip }, () => {
  setSysctl('net.ipv4.tcp_syncookies', 0);
  // A client that says nothing stays half-open here.
  const listener = listen({ host: '127.0.0.1', backlog: 2, deferAcceptSeconds: 30 });
  const clients = beginConnects(listener.address(), 6);
  const diagnosis = diagnose(['--for', '1.5']);
  setSysctl('net.ipv4.tcp_syncookies', 1);
  assert.ok(diagnosis.found.includes('problem syn-queue-drops-now'), String(diagnosis.found));
  assert.ok(linesOf(diagnosis, 'syn-queue-drops-now').includes('sysctl -w net.ipv4.tcp_syncookies=1'));
  assert.equal(diagnosis.listeners?.[0]?.synLength, 3);
  closeAll([...clients, listener]);
});

test('doctor, a full SYN queue with syncookies: advice that cookies are sent now', { skip }, async () => {
  const listener = listen({ host: '127.0.0.1', backlog: 99, deferAcceptSeconds: 30 });
  const clients = beginConnects(listener.address(), 100);
  const more = setInterval(() => clients.push(beginConnect(listener.address())), 50);
  const { found } = await diagnoseMeanwhile(['--for', '1']);
  clearInterval(more);
  assert.ok(found.includes('advice cookies-now'), String(found));
  closeAll([...clients, listener]);
});

test('doctor: what it says to change, changed, makes it content', { skip }, () => {
  setSysctl('net.core.somaxconn', 4);
  const { listener, close } = filled({ backlog: 4 }, 5);
  const diagnosis = diagnose(['--port', String(portOf(listener.address()))]);
  assert.deepEqual(diagnosis.found, ['problem queue-full', 'advice somaxconn-low']);
  const lines = linesOf(diagnosis, 'queue-full');
  const [, name = '', value] = /^sysctl -w (\S+)=(\d+)$/m.exec(lines.join('\n')) ?? [];
  assert.ok(lines.includes(`${name} = ${value}`), 'for /etc/sysctl.d');
  assert.ok(lines.includes(`docker run --sysctl ${name}=${value} …`));
  assert.ok(
    lines.includes(`      - name: ${name}`) && lines.includes(`        value: "${value}"`),
    'for a pod',
  );
  setSysctl(name, Number(value));
  listener.setBacklog(Number(/\[Socket\]\nBacklog=(\d+)/.exec(lines.join('\n'))?.[1]));
  assert.equal(listener.queue().limit, 1024);
  const content = diagnose(['--port', String(portOf(listener.address()))]);
  assert.equal(content.wrong, false);
  setSysctl('net.core.somaxconn', 4096);
  close();
});

for (const [settings, id, line] of [
  [{ 'net.core.somaxconn': 128 }, 'somaxconn-low', 'sysctl -w net.core.somaxconn=4096'],
  [
    { 'net.ipv4.tcp_abort_on_overflow': 1 },
    'abort-on-overflow',
    'sysctl -w net.ipv4.tcp_abort_on_overflow=0',
  ],
  [
    { 'net.ipv4.tcp_syncookies': 0, 'net.ipv4.tcp_max_syn_backlog': 64 },
    'syn-backlog-low',
    'sysctl -w net.ipv4.tcp_syncookies=1',
  ],
] as const) {
  const text = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
  test(`doctor, ${text.join(', ')}: advice ${id}, and the line that changes it`, { skip }, () => {
    const { close } = filled({ backlog: 128 }, 0);
    const before = Object.keys(settings).map((name) => [name, readSysctl(name)] as const);
    for (const [name, value] of Object.entries(settings)) setSysctl(name, value);
    const diagnosis = diagnose();
    for (const [name, value] of before) setSysctl(name, value);
    assert.ok(diagnosis.found.includes(`advice ${id}`), String(diagnosis.found));
    assert.ok(linesOf(diagnosis, id).includes(line));
    assert.equal(diagnosis.status, 0);
    close();
  });
}

function readSysctl(name: string): number {
  return Number(fs.readFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, 'utf8'));
}

for (const backlog of [511, 128, 5, 0]) {
  test(
    `doctor, an idle listener with a limit of ${backlog}, as of nobody's choice: nothing`,
    { skip },
    () => {
      const { listener, close } = filled({ backlog }, 0);
      assert.deepEqual(diagnose(['--port', String(portOf(listener.address()))]).found, []);
      close();
    },
  );
}

test('doctor --port that nobody listens on: says so, exit status 1', { skip }, () => {
  const { stdout, status } = runCommand(['doctor', '--for', '0', '--port', '9']);
  assert.match(stdout, /^Problem {2}nobody listens on port 9 in this network namespace$/m);
  assert.equal(status, 1);
});

test(
  'doctor, its socket diagnostics refused: says so, and shows the rest',
  { skip: anyOf(skip, needsStrace()) },
  () => {
    const { close } = filled({ backlog: 5 }, 6);
    const diagnosis = diagnose([], { under: WITHOUT_NETLINK });
    assert.match(diagnosis.unknown.join('\n'), /^limit, drops, synLength: .*EACCES/m);
    assert.equal(diagnosis.listeners?.[0]?.length, 6);
    assert.deepEqual(diagnosis.found, []);
    close();
  },
);

test('doctor without /proc: says so, and shows the rest', { skip: anyOf(skip, needsMounts()) }, () => {
  const { close } = filled({ backlog: 5 }, 6);
  const diagnosis = diagnose([], { under: WITHOUT_PROC });
  assert.match(diagnosis.unknown.join('\n'), /^counters: open ENOENT.*\nnet\.core\.somaxconn: /m);
  assert.ok(diagnosis.found.includes('problem queue-full'));
  assert.deepEqual(diagnose(['--pid', '1'], { under: WITHOUT_PROC }).found, ['problem no-proc']);
  close();
});

test(
  'doctor with neither: one line, exit status 1',
  { skip: anyOf(skip, needsMounts(), needsStrace()) },
  () => {
    const { stdout, stderr, status } = runCommand(['doctor', '--for', '0'], {
      under: [...WITHOUT_PROC, ...WITHOUT_NETLINK],
    });
    assert.match(stderr, /^listenq: listeners: .*EACCES.*; counters: .*ENOENT[^\n]*\n$/);
    assert.deepEqual([stdout, status], ['', 1]);
  },
);

for (const [args, named] of [
  [['--port', '0'], 'from 1 to 65535'],
  [['--pid', '0'], 'from 1 to'],
  [['--port', '80', '--pid', '1'], 'cannot be used with'],
  [['--for', '-1'], 'from 0 to 3600'],
] as const) {
  test(`doctor ${args.join(' ')}: exit status 2, and a line that says what is meant`, () => {
    const { stdout, stderr, status } = runCommand(['doctor', ...args]);
    assert.match(stderr, /^listenq: [^\n]+\n$/);
    assert.ok(stderr.includes(named), stderr);
    assert.deepEqual([stdout, status], ['', 2]);
  });
}

/** Sends a segment that no client sends, SYN and FIN at once, to a port of 127.0.0.1. */
const STRAY = `
import socket, struct, sys
to = int(sys.argv[1])
head = struct.pack('!HHIIBBHHH', 40000, to, 1, 0, 5 << 4, 3, 1024, 0, 0)
def sum16(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
here = socket.inet_aton('127.0.0.1')
check = sum16(here + here + struct.pack('!BBH', 0, 6, len(head)) + head)
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
raw.sendto(head[:16] + struct.pack('!H', check) + head[18:], ('127.0.0.1', 0))`;

/** In a namespace whose queues have never been full: listens, is sent a stray segment, and runs the command. */
const NEVER_FULL = `
import socket, subprocess, sys
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen(${HEALTHY})
subprocess.run([sys.executable, '-c', sys.argv[1], str(listener.getsockname()[1])], check=True)
sys.exit(subprocess.run(sys.argv[2:]).returncode)`;

test(
  'doctor, a stray segment dropped where no queue was ever full: advice that says so',
  { skip: anyOf(skip, needsRoot(), needsTool('python3'), needsTool('ip')) },
  () => {
    const fresh = ['unshare', '-n', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
    const diagnosis = diagnose([], { under: [...fresh, 'python3', '-c', NEVER_FULL, STRAY] });
    assert.deepEqual(diagnosis.found, ['advice stray-drops']);
    assert.equal(diagnosis.listeners?.[0]?.drops, 1);
    assert.equal(diagnosis.status, 0);
  },
);

test('doctor: text for people, without escape sequences on a pipe', { skip }, () => {
  const { listener, close } = filled({ backlog: 5 }, 6);
  const late = beginConnect(listener.address());
  const { stdout, status } = runCommand([
    'doctor',
    '--for',
    '0',
    '--port',
    String(portOf(listener.address())),
  ]);
  assert.match(stdout, /^Problem {2}1 accept queue full: /m);
  assert.match(stdout, /^ {4}systemd {5}# the socket unit\n {16}\[Socket\]\n {16}Backlog=1024$/m);
  assert.match(stdout, /\n\d problems?.*\.\n$/);
  assert.doesNotMatch(stdout, /\x1b/); // eslint-disable-line no-control-regex
  assert.equal(status, 1);
  closeAll([late]);
  close();
});
