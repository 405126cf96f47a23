import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as path from 'node:path';
import { test } from 'node:test';
import { lineOf } from '../support/child';
import { ROOT, temporaryFolder } from '../support/machine';

const RESTARTS = 20;

interface Report {
  served: number;
  failures: string[];
  by: string[];
}

interface Generation {
  process: ChildProcess;
  line: string;
  ended: Promise<unknown>;
}

/** Starts one more of the server of examples/, and waits until it listens. */
async function start(port: string, control: string): Promise<Generation> {
  const server = spawn(process.execPath, [path.join(ROOT, 'examples', 'restart.js'), port, control], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = once(server, 'close');
  return { process: server, line: await lineOf(server), ended };
}

test(
  `sendDescriptor, receiveDescriptor: an HTTP server is replaced ${RESTARTS} times under load, and no request fails`,
  { timeout: 120_000 },
  async (t) => {
    const control = path.join(temporaryFolder(), 'control');
    const generations = [await start('0', control)];
    const port = /port (\d+)$/.exec(generations[0]?.line ?? '')?.[1] ?? '';
    const load = spawn(process.execPath, [path.join(__dirname, 'load.js'), port, '6', '4'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.after(() => {
      for (const process of [load, ...generations.map((one) => one.process)]) process.kill('SIGKILL');
    });
    assert.equal(await lineOf(load), 'begun');
    for (let i = 0; i < RESTARTS; i++) {
      const old = generations.at(-1) as Generation;
      const next = await start(port, control);
      generations.push(next);
      assert.match(next.line, /, taken over$/);
      await old.ended;
      assert.deepEqual([old.process.exitCode, old.process.signalCode], [0, null]);
      const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
      assert.equal(await answer.text(), `served by ${next.process.pid}\n`);
    }
    load.stdin.end();
    const report = JSON.parse(await lineOf(load)) as Report;
    assert.deepEqual(report.failures, []);
    const pids = generations.map((one) => String(one.process.pid));
    assert.deepEqual(
      report.by.filter((pid) => !pids.includes(pid)),
      [],
    );
    assert.ok(report.by.length > 1, 'the load went on while the servers changed');
    t.diagnostic(`${report.served} requests were served`);
  },
);

test('examples/restart.js: new ones that die in between, in three ways, do not take the old one along', async (t) => {
  const control = path.join(temporaryFolder(), 'control');
  const old = await start('0', control);
  t.after(() => old.process.kill('SIGKILL'));
  const port = /port (\d+)$/.exec(old.line)?.[1] ?? '';
  const deaths = ['', 'time.sleep(0.2); s.recv(1)', 'socket.recv_fds(s, 1, 1)'];
  for (const death of deaths) {
    const program = `import socket, time
s = socket.socket(socket.AF_UNIX)
s.connect(${JSON.stringify(control)})
${death}
s.close()`;
    assert.equal(spawnSync('python3', ['-c', program]).status, 0);
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
    assert.equal(await answer.text(), `served by ${old.process.pid}\n`);
  }
  const next = await start(port, control);
  t.after(() => next.process.kill('SIGKILL'));
  assert.match(next.line, /, taken over$/);
  await old.ended;
});
