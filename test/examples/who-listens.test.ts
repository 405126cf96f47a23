import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { test } from 'node:test';
import { listen } from 'listenq';
import { anyOf, needsTool, privateNetwork, ROOT } from '../support/machine';
import { beginConnects, closeAll, portOf } from '../support/sockets';

const skip = anyOf(privateNetwork(), needsTool('python3'));

function whoListens(...args: string[]): string[] {
  const program = path.join(ROOT, 'examples', 'who-listens.js');
  const { stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
  assert.equal(stderr, '');
  return stdout.trim().split('\n');
}

test('who-listens: a full queue, its drops, its SYN queue and its process', { skip }, () => {
  const full = listen({ host: '127.0.0.1', backlog: 1 });
  const deferring = listen({ host: '::1', deferAcceptSeconds: 30 });
  const clients = [...beginConnects(full.address(), 5), ...beginConnects(deferring.address(), 3)];
  const lines = whoListens();
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
  assert.deepEqual(whoListens(String(portOf(full.address()))).length, 1);
  closeAll([...clients, full, deferring]);
});
