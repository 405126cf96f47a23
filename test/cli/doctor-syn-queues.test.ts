import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { listen, type Listener } from 'listenq';
import { listeners } from 'listenq/kernel';
import { anyOf, needsRoot, needsTool, privateNetwork, setSysctl } from '../support/machine';
import { runPython, startPython } from '../support/python';
import { portOf } from '../support/sockets';
import { MAIN } from './command-line';
import { diagnose, linesOf, type Report } from './diagnosis';

const skip = anyOf(privateNetwork(), needsRoot(), needsTool('python3'), needsTool('ip'));
const COOKIES = 'net.ipv4.tcp_syncookies';
const SYN_BACKLOG = 'net.ipv4.tcp_max_syn_backlog';

/** SYNs to a port of 127.0.0.1, each from another address of 198.18.0.0/15, which never answers: so many, or for ever. */
const SYNS = `
import socket, struct, sys, time
port, first, count = map(int, sys.argv[1:])
def sum16(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
def send(i):
    ends = struct.pack('!4s4s', socket.inet_aton('198.%d.%d.%d' % (18 + (i >> 16 & 1), i >> 8 & 255, i & 255)), socket.inet_aton('127.0.0.1'))
    head = struct.pack('!HHIIBBHHH', 1024 + i % 60000, port, 1000, 0, 5 << 4, 2, 65535, 0, 0)
    check = sum16(ends + struct.pack('!BBH', 0, 6, len(head)) + head)
    ip = struct.pack('!BBHHHBBH', 0x45, 0, 40, 0, 0, 64, 6, 0) + ends
    raw.sendto(ip + head[:16] + struct.pack('!H', check) + head[18:], ('127.0.0.1', 0))
i = first
while count == 0 or i < first + count:
    send(i)
    i += 1
    if count == 0: time.sleep(0.01)
`;

let sent = 1;
function sendSyns(listener: Listener, count: number): void {
  runPython(SYNS, portOf(listener.address()), sent, count);
  sent += count;
}

function halfOpen(listener: Listener): number | undefined {
  return listeners({ port: portOf(listener.address()), synLength: true })[0]?.synLength;
}

/** Runs a test with a listener and sysctls, which are set back. */
async function withListener(
  backlog: number,
  cookies: number,
  synBacklog: number,
  use: (listener: Listener) => Promise<void> | void,
): Promise<void> {
  spawnSync('ip', ['route', 'replace', '198.18.0.0/15', 'dev', 'lo']);
  setSysctl(COOKIES, cookies);
  setSysctl(SYN_BACKLOG, synBacklog);
  const listener = listen({ host: '127.0.0.1', backlog });
  try {
    await use(listener);
  } finally {
    listener.close();
    setSysctl(COOKIES, 1);
    setSysctl(SYN_BACKLOG, 2048);
  }
}

function portArgs(listener: Listener): string[] {
  return ['--port', String(portOf(listener.address()))];
}

function offersBacklog(lines: readonly string[]): boolean {
  return lines.some((line) => line.startsWith('Backlog='));
}

for (const [backlog, cookies, synBacklog, syns, expected, offered] of [
  [1500, 0, 64, 48, undefined, false],
  [1500, 0, 64, 49, 'problem syn-queue-full', false],
  [1500, 0, 64, 100, 'problem syn-queue-full', false],
  [5, 0, 2048, 5, undefined, false],
  [5, 0, 2048, 20, 'problem syn-queue-full', true],
  [5, 1, 2048, 20, 'advice syn-queue-full', true],
  [5, 2, 2048, 20, undefined, false],
] as const) {
  const settings = `backlog ${backlog}, tcp_syncookies ${cookies}, tcp_max_syn_backlog ${synBacklog}`;
  test(
    `doctor, ${settings}, ${syns} clients that never answer: ${expected ?? 'nothing'}`,
    { skip },
    async () => {
      await withListener(backlog, cookies, synBacklog, (listener) => {
        sendSyns(listener, syns);
        const diagnosis = diagnose(portArgs(listener));
        const found = diagnosis.found.filter((text) => text.endsWith(' syn-queue-full'));
        assert.deepEqual(found, expected === undefined ? [] : [expected]);
        const [detail] = diagnosis.findings.find(({ id }) => id === 'syn-queue-full')?.details ?? [];
        if (expected !== undefined)
          assert.match(detail ?? '', new RegExp(`, ${halfOpen(listener)} half-open`));
        const lines = linesOf(diagnosis, 'syn-queue-full');
        assert.equal(offersBacklog(lines), offered);
        assert.equal(lines.includes(`sysctl -w ${COOKIES}=1`), expected?.startsWith('problem') ?? false);
        assert.ok(
          !diagnosis.found.includes('advice stray-drops'),
          'a client that was turned away is no stray',
        );
      });
    },
  );
}

test(
  'doctor, tcp_max_syn_backlog has dropped SYNs: its larger value, once set, lets more in',
  { skip },
  async () => {
    await withListener(1500, 0, 64, (listener) => {
      sendSyns(listener, 100);
      assert.equal(halfOpen(listener), 49);
      const diagnosis = diagnose(portArgs(listener));
      const lines = linesOf(diagnosis, 'syn-queue-full');
      const value = /^sysctl -w net\.ipv4\.tcp_max_syn_backlog=(\d+)$/m.exec(lines.join('\n'))?.[1];
      setSysctl(SYN_BACKLOG, value ?? '');
      sendSyns(listener, 100);
      assert.equal(halfOpen(listener), 149);
      assert.ok(!diagnose(portArgs(listener)).found.includes('problem syn-queue-full'));
    });
  },
);

test(
  'doctor, a larger backlog than tcp_max_syn_backlog has room for: both, once set, let more in',
  { skip },
  async () => {
    await withListener(5, 0, 64, (listener) => {
      sendSyns(listener, 20);
      assert.equal(halfOpen(listener), 6);
      const text = linesOf(diagnose(portArgs(listener)), 'syn-queue-full').join('\n');
      setSysctl(SYN_BACKLOG, /^sysctl -w net\.ipv4\.tcp_max_syn_backlog=(\d+)$/m.exec(text)?.[1] ?? '');
      const backlog = Number(/^Backlog=(\d+)$/m.exec(text)?.[1]);
      listener.setBacklog(backlog);
      sendSyns(listener, backlog + 100);
      assert.equal(halfOpen(listener), backlog + 1);
    });
  },
);

test(
  'doctor, tcp_max_syn_backlog drops SYNs while it looks: that sysctl, and no larger backlog',
  { skip },
  async () => {
    await withListener(1500, 0, 64, async (listener) => {
      const port = portOf(listener.address());
      const peer = startPython(SYNS, port, sent, 0);
      const doctor = spawn(
        process.execPath,
        [MAIN, 'doctor', '--for', '1', '--json', '--port', String(port)],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      let text = '';
      doctor.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      await once(doctor, 'close');
      peer.process.kill();
      await peer.output;
      const { findings } = JSON.parse(text) as Report;
      const now = findings.find(({ id }) => id === 'drops-now');
      assert.equal(now?.severity, 'problem', text);
      const lines = now.remedies.flatMap((remedy) => remedy.lines);
      assert.ok(lines.includes(`sysctl -w ${COOKIES}=1`));
      assert.ok(lines.includes(`sysctl -w ${SYN_BACKLOG}=2048`));
      assert.ok(!offersBacklog(lines));
    });
  },
);
