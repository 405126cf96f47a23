import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { connect, listen } from 'listenq';
import { ROOT } from '../support/machine';
import { inWorker } from '../support/worker';

/** Node unmaps an addon when the last worker that loaded it ends, unless the main thread has it too. */
function inProcessWhoseMainThreadLoadsNothing(workerBody: string): Record<string, unknown> {
  const program = `
    const fs = require('node:fs');
    const { Worker } = require('node:worker_threads');
    const body = \`
      const load = require('node:module').createRequire(${JSON.stringify(`${ROOT}/package.json`)});
      ${workerBody}\`;
    const threads = () => fs.readdirSync('/proc/self/task').length;
    new Worker('', { eval: true }).on('exit', () => {
      const before = threads();
      new Worker(body, { eval: true }).on('exit', (code) => {
        let looks = 0;
        const look = () => {
          if (threads() > before && ++looks < 100) return setTimeout(look, 20);
          const mapped = fs.readFileSync('/proc/self/maps', 'utf8').includes('listenq');
          console.log(JSON.stringify({ code, mapped, more: threads() - before }));
        };
        look();
      });
    });`;
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['-e', program], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.deepEqual([status, signal], [0, null], stderr);
  return JSON.parse(stdout) as Record<string, unknown>;
}

test('unload: the addon stays mapped after the last worker that loaded it, for threads that still run in it', () => {
  const seen = inProcessWhoseMainThreadLoadsNothing(`
    const { listen } = load('listenq');
    listen({ host: 'localhost' }).close();`);
  assert.deepEqual(seen, { code: 0, mapped: true, more: 0 });
});

test('observeListen: its thread ends with the worker that it observed', () => {
  const seen = inProcessWhoseMainThreadLoadsNothing(`
    const observer = load('listenq/lab').observeListen();
    load('listenq').listen({ host: '127.0.0.1', backlog: 3 }).close();
    if (observer.take()[0].backlog !== 3) throw new Error('not seen');`);
  assert.deepEqual(seen, { code: 0, mapped: true, more: 0 });
});

test("Connection.from: the number of another thread's Connection is refused, and stays that one's", async () => {
  const listener = listen({ host: '127.0.0.1' });
  const connection = connect({
    host: '127.0.0.1',
    port: (listener.address() as { port: number }).port,
  });
  const other = inWorker((q, _, fd: number, { say }) => {
    try {
      say(q.Connection.from(fd).fd);
    } catch (error) {
      say((error as { code: string }).code);
    }
  }, connection.fd);
  assert.equal(await other.heard(), 'ERR_INVALID_ARG_VALUE');
  await other.ended;
  assert.equal(connection.send('x'), 1);
  connection.close();
  listener.close();
});
