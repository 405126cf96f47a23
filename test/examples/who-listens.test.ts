import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { listen } from 'listenq';
import { privateNetwork } from '../support/machine';
import { beginConnects, closeAll, portOf } from '../support/sockets';
import { startExample } from './support/program';

const skip = privateNetwork();

async function whoListens(t: TestContext, ...args: number[]): Promise<string[]> {
  return (await startExample(t, 'who-listens.js', args).output()).trim().split('\n');
}

test('who-listens: a full queue, its drops, its SYN queue and its process', { skip }, async (t) => {
  const full = listen({ host: '127.0.0.1', backlog: 1 });
  const deferring = listen({ host: '::1', deferAcceptSeconds: 30 });
  const clients = [...beginConnects(full.address(), 5), ...beginConnects(deferring.address(), 3)];
  const lines = await whoListens(t);
  const owner = `node (${process.pid})`;
  assert.equal(lines.length, 2);
  const first = new RegExp(
    `^tcp 127\\.0\\.0\\.1:${portOf(full.address())}: 2 waiting, limit 1, 0 half-open, [3-9] dropped: `,
  );
  assert.match(lines[0] ?? '', first);
  assert.ok(lines[0]?.endsWith(owner), lines[0]);
  const { limit } = deferring.queue();
  // Deferring, it ignores the last packet of each handshake, which the kernel counts as a drop.
  assert.equal(
    lines[1],
    `tcp [::1]:${portOf(deferring.address())}: 0 waiting, limit ${limit}, 3 half-open, 3 dropped: ${owner}`,
  );
  assert.equal((await whoListens(t, portOf(full.address()))).length, 1);
  closeAll([...clients, full, deferring]);
});
