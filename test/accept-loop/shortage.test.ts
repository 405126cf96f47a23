import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { inChild, startChild } from '../support/child';
import { anyOf, needsTool, privateNetwork } from '../support/machine';
import { beginConnects, closeAll } from '../support/sockets';

const skip = privateNetwork();

/** 'shortage' events that the loop of a child saw, how the kernel's queue stood at each, and who was served. */
interface Seen {
  events: [code: string, syscall: string, queued: number][];
  served: number;
  queuedMeanwhile: number;
  shortages: number;
  cpuShare: number;
  spinShare: number;
}

test(
  "EMFILE by setrlimit: one 'shortage', the kernel's queue intact, next to no CPU; then all are served",
  { skip },
  () => {
    const { result } = inChild(async (q, s): Promise<Seen> => {
      const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
      const share = (cpu: NodeJS.CpuUsage, wall: number): number => (cpu.user + cpu.system) / 1000 / wall;
      const loop = q.acceptLoop({ host: '127.0.0.1', backlog: 50 });
      const listener = loop.listeners[0] as import('listenq').Listener;
      const { port } = listener.address() as { port: number };
      q.connect({ host: '127.0.0.1', port }).close();
      (await loop.accept()).close();
      const clients = [];
      loop.pause();
      for (let i = 0; i < 5; i++) clients.push(q.connect({ host: '127.0.0.1', port }));
      const events: Seen['events'] = [];
      loop.on('shortage', ({ code, syscall }) => events.push([code, syscall, listener.queue().length]));
      let served = 0;
      loop.on('connection', (connection) => {
        served++;
        connection.sendAll('served');
        connection.close();
      });
      const free = s.socket(s.AF_INET, s.SOCK_STREAM);
      s.close(free);
      const { soft, hard } = s.getrlimit(s.RLIMIT_NOFILE);
      s.setrlimit(s.RLIMIT_NOFILE, { soft: free, hard });
      loop.resume();
      await sleep(100);
      const [before, start] = [process.cpuUsage(), performance.now()];
      await sleep(1000);
      const cpuShare = share(process.cpuUsage(before), performance.now() - start);
      const [spin, spinStart] = [process.cpuUsage(), performance.now()];
      while (performance.now() - spinStart < 300);
      const spinShare = share(process.cpuUsage(spin), performance.now() - spinStart);
      const queuedMeanwhile = listener.queue().length;
      s.setrlimit(s.RLIMIT_NOFILE, { soft, hard });
      for (let i = 0; i < 500 && served < 5; i++) await sleep(10);
      for (const client of clients) if (client.recvExactly(6).toString() !== 'served') served = -1;
      const { shortages } = loop.stats();
      await loop.close();
      return { events, served, queuedMeanwhile, shortages, cpuShare, spinShare };
    });
    const { cpuShare, spinShare, ...rest } = result;
    assert.deepEqual(rest, {
      events: [['EMFILE', 'accept', 5]],
      served: 5,
      queuedMeanwhile: 5,
      shortages: 1,
    });
    assert.ok(cpuShare < spinShare / 5, `a shortage used ${cpuShare} of a CPU, a spinning loop ${spinShare}`);
  },
);

/** The limit under which a process can open so many more. */
function limitThatLeaves(room: number, pid: string): number {
  const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
  let limit = 0;
  for (let free = 0; free < room; limit++) if (!open.has(limit)) free++;
  return limit;
}

test(
  'EMFILE by prlimit from outside: as many as fit are served, the rest when the limit is raised',
  { skip: anyOf(skip, needsTool('prlimit')) },
  async (t) => {
    const child = startChild(async (q, s) => {
      const { writeSync } = require('node:fs') as typeof import('node:fs');
      const say = (...words: unknown[]): unknown => writeSync(1, `${words.join(' ')}\n`);
      const loop = q.acceptLoop({ host: '127.0.0.1', backlog: 50 });
      const listener = loop.listeners[0] as import('listenq').Listener;
      const { port } = listener.address() as { port: number };
      q.connect({ host: '127.0.0.1', port }).close();
      (await loop.accept()).close();
      const kept: unknown[] = [];
      loop.on('shortage', ({ code }) => {
        say('shortage', code);
        setTimeout(() => say('queue', listener.queue().length), 200);
      });
      loop.on('connection', (connection) => {
        if (kept.push(connection) === 8) say('all');
      });
      say('ready', process.pid, port, s.getrlimit(s.RLIMIT_NOFILE).soft);
      return new Promise(() => undefined);
    });
    const ended = once(child, 'exit');
    t.after(() => (child.kill('SIGKILL'), ended));
    const lines = createInterface(child.stdout as NodeJS.ReadableStream)[Symbol.asyncIterator]();
    const heard = async (): Promise<string[]> => ((await lines.next()).value as string).split(' ');
    const limit = (pid: string, soft: number): void => {
      const { status, stderr } = spawnSync('prlimit', ['--pid', pid, `--nofile=${soft}:`], {
        encoding: 'utf8',
      });
      assert.equal(status, 0, stderr);
    };
    const [, pid, port, soft] = (await heard()) as [string, string, string, string];
    await new Promise((resolve) => setTimeout(resolve, 200));
    limit(pid, limitThatLeaves(3, pid));
    const clients = beginConnects({ family: 'IPv4', address: '127.0.0.1', port: Number(port) }, 8);
    assert.deepEqual(await heard(), ['shortage', 'EMFILE']);
    assert.deepEqual(await heard(), ['queue', '5']);
    await new Promise((resolve) => setTimeout(resolve, 300));
    limit(pid, Number(soft));
    assert.deepEqual(await heard(), ['all'], 'and no second event in between');
    closeAll(clients);
  },
);

test("EMFILE while nobody takes what waits: 'shortage' is emitted all the same", { skip }, () => {
  const { result } = inChild(async (q, s) => {
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    const loop = q.acceptLoop({ host: '127.0.0.1', backlog: 50 });
    const { port } = (loop.listeners[0] as import('listenq').Listener).address() as { port: number };
    const clients = [0, 1, 2].map(() => q.connect({ host: '127.0.0.1', port }));
    for (let i = 0; i < 500 && loop.stats().waiting < 3; i++) await sleep(10);
    await sleep(50);
    const codes: string[] = [];
    loop.on('shortage', ({ code }) => codes.push(code));
    clients.push(q.connect({ host: '127.0.0.1', port }));
    for (let i = 0; i < 500 && loop.stats().waiting < 4; i++) await sleep(10);
    // The next client takes the last descriptor itself.
    const free = s.socket(s.AF_INET, s.SOCK_STREAM);
    s.close(free);
    s.setrlimit(s.RLIMIT_NOFILE, { soft: free + 1, hard: s.getrlimit(s.RLIMIT_NOFILE).hard });
    clients.push(q.connect({ host: '127.0.0.1', port }));
    for (let i = 0; i < 100 && codes.length === 0; i++) await sleep(10);
    const { shortages } = loop.stats();
    process.nextTick(() => process.exit());
    return { codes, shortages };
  });
  assert.deepEqual(result, { codes: ['EMFILE'], shortages: 1 });
});

test('shortage without a listener: the process is warned, once', { skip }, () => {
  const { result, stderr } = inChild(async (q, s) => {
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    const warnings: unknown[] = [];
    process.on('warning', (warning) =>
      warnings.push([warning.name, (warning as { code?: string }).code, warning.message]),
    );
    const loop = q.acceptLoop({ host: '127.0.0.1' });
    const { port } = (loop.listeners[0] as import('listenq').Listener).address() as { port: number };
    // The thread has started once somebody was accepted.
    q.connect({ host: '127.0.0.1', port }).close();
    (await loop.accept()).close();
    loop.pause();
    const client = q.connect({ host: '127.0.0.1', port });
    const free = s.socket(s.AF_INET, s.SOCK_STREAM);
    s.close(free);
    const { soft, hard } = s.getrlimit(s.RLIMIT_NOFILE);
    s.setrlimit(s.RLIMIT_NOFILE, { soft: free, hard });
    const call = loop.accept();
    loop.resume();
    await sleep(300);
    s.setrlimit(s.RLIMIT_NOFILE, { soft, hard });
    (await call).close();
    client.close();
    await loop.close();
    return warnings;
  });
  assert.equal(result.length, 1);
  assert.deepEqual((result as string[][])[0]?.slice(0, 2), ['ListenqShortageWarning', 'LISTENQ_SHORTAGE']);
  assert.match(stderr, /ListenqShortageWarning: accept loop: accept EMFILE/);
});
