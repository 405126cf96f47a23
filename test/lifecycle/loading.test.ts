import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { test } from 'node:test';
import * as listenq from 'listenq';
import { inWorker } from '../support/worker';

const EXPECTED = {
  limit: 3,
  instance: true,
  error: 'SystemCallError',
  sameLimits: true,
  lab: 'function',
  fd: true,
};

test('import: the named exports of every entry, in the main thread and in a worker', () => {
  const file = path.join(__dirname, 'loading.mjs');
  const { stdout, stderr, status } = spawnSync(process.execPath, [file], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.deepEqual(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
    [
      { thread: 'main', ...EXPECTED },
      { thread: 'worker true', ...EXPECTED },
    ],
  );
});

test('import and require give the same objects', async () => {
  const imported = await import('listenq');
  assert.equal(imported.listen, listenq.listen);
  assert.equal(imported.SystemCallError, listenq.SystemCallError);
});

test('require: in a worker', async () => {
  const worker = inWorker((q, s, _, { say }) => {
    say([Object.keys(q).sort(), typeof s.listen, s.SOMAXCONN]);
  });
  const [names, kind, somaxconn] = (await worker.heard()) as [string[], string, number];
  assert.deepEqual(names, Object.keys(listenq).sort());
  assert.deepEqual([kind, typeof somaxconn], ['function', 'number']);
  await worker.ended;
});

test('require: the public names of the contract are there', () => {
  for (const name of [
    'listen',
    'Listener',
    'listenDualStack',
    'connect',
    'Connection',
    'limits',
    'SystemCallError',
  ]) {
    assert.equal(typeof (listenq as Record<string, unknown>)[name], 'function', name);
  }
});
