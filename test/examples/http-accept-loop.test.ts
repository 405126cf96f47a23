import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needsTool } from '../support/machine';
import { python, startExample } from './support/program';

const skip = needsTool('python3');

const FETCH = `
import http.client
def fetch(port, path, timeout=30):
    client = http.client.HTTPConnection('127.0.0.1', int(port), timeout=timeout)
    client.request('GET', path)
    answer = client.getresponse()
    return answer.status, answer.read().decode().strip()
`;

test(
  'http-accept-loop: serves, and answers 503 by its thread while a request keeps the event loop busy',
  { skip },
  async (t) => {
    const example = startExample(t, 'http-accept-loop.js', [0]);
    const said = await python(
      t,
      `${FETCH}
import threading, time
print(fetch(args[0], '/'))
busy = threading.Thread(target=fetch, args=(args[0], '/busy?ms=4000'))
busy.start()
time.sleep(0.3)
print(fetch(args[0], '/'), busy.is_alive())
busy.join()
print(fetch(args[0], '/'))`,
      await example.port(),
    );
    assert.deepEqual(said.trim().split('\n'), [
      `(200, 'served')`,
      `(503, 'busy, try again in a moment') True`,
      `(200, 'served')`,
    ]);
  },
);

test('http-accept-loop: SIGTERM while clients are queued resets none of them', { skip }, async (t) => {
  const example = startExample(t, 'http-accept-loop.js', [0]);
  const said = await python(
    t,
    `${FETCH}
import os, signal, threading, time
busy = threading.Thread(target=fetch, args=(args[0], '/busy?ms=700'))
busy.start()
time.sleep(0.2)
answers = []
others = [threading.Thread(target=lambda: answers.append(fetch(args[0], '/'))) for i in range(10)]
for one in others: one.start()
time.sleep(0.2)
os.kill(int(args[1]), signal.SIGTERM)
for one in [busy, *others]: one.join()
print(len(answers), set(answers))`,
    await example.port(),
    String(example.pid),
  );
  assert.equal(said.trim(), `10 {(200, 'served')}`);
  await example.line(/^drained, 0 left$/);
});
