import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { test } from 'node:test';
import { anyOf, needsRoot, needsTool, privateNetwork } from '../support/machine';
import { diagnose, linesOf } from './diagnosis';
import { filled } from './private-command';

const skip = privateNetwork();

/** A Python listener under a descriptor limit, with so many open. */
const SERVER = `
import os, resource, socket, sys
limit, open_ones, backlog = map(int, sys.argv[1:])
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen(backlog)
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
while len(os.listdir('/proc/self/fd')) - 1 < open_ones: os.dup(0)
print(listener.getsockname()[1], flush=True)
sys.stdin.read()`;

async function startServer(limit: number, open: number, backlog: number): Promise<ChildProcess> {
  const child = spawn('python3', ['-c', SERVER, String(limit), String(open), String(backlog)]);
  await once(child.stdout, 'data');
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  child.stdin?.end();
  await once(child, 'close');
}

for (const [limit, open, backlog, expected] of [
  [40, 36, 3, ['problem descriptors']],
  [40, 10, 99, ['advice descriptors-below-backlog']],
  [400, 10, 99, []],
] as const) {
  const title = `doctor --pid of a process with ${open} of ${limit} descriptors, limit ${backlog}`;
  test(`${title}: ${expected[0] ?? 'nothing'}`, { skip: anyOf(skip, needsTool('python3')) }, async () => {
    const child = await startServer(limit, open, backlog);
    const diagnosis = diagnose(['--pid', String(child.pid)]);
    const found = diagnosis.found.filter((text) => text.includes('descriptors'));
    assert.deepEqual(found, expected);
    const counted = fs.readdirSync(`/proc/${child.pid}/fd`).length;
    assert.deepEqual(
      diagnosis.descriptors.map(({ pid, open: opened, limit: soft }) => [pid, opened, soft]),
      [[child.pid, counted, limit]],
    );
    const [, id] = expected[0]?.split(' ') ?? [];
    if (id !== undefined) assert.ok(linesOf(diagnosis, id).includes('LimitNOFILE=65536'));
    await end(child);
  });
}

test(
  'doctor --pid: the listeners of that process, and no others',
  { skip: anyOf(skip, needsTool('python3')) },
  async () => {
    const { close } = filled({ backlog: 5 }, 6);
    const child = await startServer(400, 10, 77);
    const diagnosis = diagnose(['--pid', String(child.pid)]);
    assert.deepEqual(
      diagnosis.listeners?.map(({ limit }) => limit),
      [77],
    );
    assert.equal(diagnosis.status, 0);
    await end(child);
    const gone = diagnose(['--pid', String(child.pid)]);
    assert.deepEqual(gone.found, ['problem no-such-process']);
    close();
  },
);

test('doctor --pid of a process without a listener: says so, exit status 1', { skip }, () => {
  assert.ok(diagnose(['--pid', String(process.pid)]).found.includes('problem no-listener'));
});

test('doctor --pid in another network namespace: says so, and how to look there', { skip }, async () => {
  const child = spawn('unshare', ['-n', 'sh', '-c', 'echo; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const diagnosis = diagnose(['--pid', String(child.pid)]);
  assert.deepEqual(diagnosis.found, ['problem other-namespace']);
  assert.ok(
    diagnosis.findings[0]?.details[0]?.startsWith(fs.readlinkSync(`/proc/${child.pid}/ns/net`)),
    String(diagnosis.findings[0]?.details),
  );
  assert.ok(
    linesOf(diagnosis, 'other-namespace').includes(
      `nsenter -t ${child.pid} -n npx listenq doctor --pid ${child.pid}`,
    ),
  );
  const there = diagnose(['--pid', String(child.pid)], { under: ['nsenter', '-t', String(child.pid), '-n'] });
  assert.deepEqual(there.found, ['problem no-listener']);
  child.kill();
  await once(child, 'close');
});

test(
  "doctor --pid of another user's process, without rights: what cannot be seen, and how it could be",
  { skip: anyOf(skip, needsRoot(), needsTool('setpriv')) },
  () => {
    const under = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
    const diagnosis = diagnose(['--pid', String(process.pid)], { under });
    assert.ok(diagnosis.found.includes('problem process-hidden'), String(diagnosis.found));
    assert.match(diagnosis.unknown.join('\n'), /^network namespace of \d+: EACCES/m);
    assert.ok(linesOf(diagnosis, 'process-hidden').includes(`sudo npx listenq doctor --pid ${process.pid}`));
  },
);
