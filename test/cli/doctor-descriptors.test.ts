import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { test } from 'node:test';
import { anyOf, needsTool, privateNetwork, setSysctl } from '../support/machine';
import { diagnose, linesOf } from './diagnosis';

const skip = anyOf(privateNetwork(), needsTool('python3'), needsTool('prlimit'));

/** No process can have more. */
const MOST = Number(fs.readFileSync('/proc/sys/fs/nr_open', 'utf8'));

/** A Python listener under a descriptor limit. */
const SERVER = `
import resource, socket, sys
soft, hard, backlog = map(int, sys.argv[1:])
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen(backlog)
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
print(flush=True)
sys.stdin.read()`;

/** Runs a test with that process. */
async function withServer(
  soft: number,
  hard: number,
  backlog: number,
  use: (child: ChildProcess) => void,
): Promise<void> {
  setSysctl('net.core.somaxconn', 2 ** 31 - 1);
  const child = spawn('python3', ['-c', SERVER, String(soft), String(hard), String(backlog)]);
  try {
    await once(child.stdout, 'data');
    use(child);
  } finally {
    child.stdin.end();
    await once(child, 'close');
    setSysctl('net.core.somaxconn', 4096);
  }
}

/** The soft limit and the hard one. */
function limitsOf(child: ChildProcess): number[] {
  const text = fs.readFileSync(`/proc/${child.pid}/limits`, 'utf8');
  return /^Max open files\s+(\d+)\s+(\d+)/m.exec(text)?.slice(1).map(Number) ?? [];
}

const BELOW = 'descriptors-below-backlog';

/** What it says to change of that process. */
function linesFor(child: ChildProcess): string[] {
  return linesOf(diagnose(['--pid', String(child.pid)]), BELOW);
}

function prlimitOf(lines: readonly string[]): string {
  return lines.find((text) => text.startsWith('prlimit ')) ?? '';
}

/** Whether a hard limit can be raised here. */
function hasResourceCapability(): boolean {
  const tried = spawnSync('sh', ['-c', 'prlimit --nofile=$(($(ulimit -Hn) + 1)) true']);
  return tried.status === 0;
}

test(
  'doctor --pid, fewer descriptors than the queue holds, the hard limit suffices: a line that any user may run',
  { skip },
  async () => {
    await withServer(40, 4000, 99, (child) => {
      const lines = linesFor(child);
      assert.ok(!lines.includes('# needs CAP_SYS_RESOURCE'));
      assert.ok(lines.includes('LimitNOFILE=65536'));
      assert.equal(spawnSync('sh', ['-c', prlimitOf(lines)]).status, 0, prlimitOf(lines));
      assert.deepEqual(limitsOf(child), [4000, 4000]);
      assert.deepEqual(linesFor(child), []);
    });
  },
);

for (const [backlog, most] of [
  [99, 65_536],
  [65_535, Infinity],
  [MOST, MOST],
] as const) {
  test(
    `doctor --pid, a limit of 40, a hard one of 50, a backlog of ${backlog}: enough, and what that needs`,
    { skip },
    async () => {
      await withServer(40, 50, backlog, (child) => {
        const lines = linesFor(child);
        const open = fs.readdirSync(`/proc/${child.pid}/fd`).length;
        const limit = most === Infinity ? open + backlog + 1 : most;
        assert.equal(lines[0]?.startsWith(`# fs.nr_open is ${MOST}, `), backlog === MOST);
        assert.ok(lines.includes('# needs CAP_SYS_RESOURCE'));
        assert.equal(prlimitOf(lines), `prlimit --pid ${child.pid} --nofile=${limit}:${limit}`);
        assert.ok(lines.includes(`LimitNOFILE=${limit}`));
      });
    },
  );
}

test(
  'doctor --pid, its line for more than the hard limit, run: content, or EPERM without that capability',
  { skip },
  async () => {
    await withServer(40, 50, 65_535, (child) => {
      const { status, stderr } = spawnSync('sh', ['-c', prlimitOf(linesFor(child))], { encoding: 'utf8' });
      if (hasResourceCapability()) assert.deepEqual([status, linesFor(child)], [0, []]);
      else assert.match(stderr, /Operation not permitted/);
    });
  },
);
