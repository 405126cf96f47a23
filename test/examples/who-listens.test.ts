import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { test, type TestContext } from 'node:test';
import { listen } from 'listenq';
import { anyOf, needsRoot, needsTool, privateNetwork, ROOT } from '../support/machine';
import { beginConnects, closeAll, portOf } from '../support/sockets';
import { startExample, startPython } from './support/program';

const skip = privateNetwork();
const SCRIPT = path.join(ROOT, 'examples', 'who-listens.js');

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

test(
  'who-listens: a process with two descriptors is named once',
  { skip: anyOf(skip, needsTool('python3')) },
  async (t) => {
    const server = startPython(t, 'listener = server(); os.dup(listener.fileno()); time.sleep(60)');
    const port = Number(await server.port());
    const [line = ''] = await whoListens(t, port);
    assert.match(line, new RegExp(`dropped: [^,]* \\(${server.pid}\\)$`));
    await server.stop();
  },
);

test('who-listens: a control character of a name does not reach the terminal', { skip }, async (t) => {
  const listener = listen({ path: '\0evil\x1b[2J', backlog: 1 });
  assert.deepEqual(await whoListens(t), [`unix @evil?[2J: 0 waiting, limit 1: node (${process.pid})`]);
  listener.close();
});

test('who-listens: who cannot be seen is -', { skip: anyOf(skip, needsRoot(), needsTool('unshare')) }, () => {
  const listener = listen({ host: '127.0.0.1' });
  const under = ['--pid', '--fork', '--mount-proc', process.execPath, SCRIPT];
  assert.match(spawnSync('unshare', under, { encoding: 'utf8' }).stdout, /dropped: -\n$/);
  listener.close();
});

test(
  'who-listens: [::] that hears IPv4 too is told from one that does not, as in ss',
  { skip },
  async (t) => {
    const both = listen({ host: '::', ipv6Only: false });
    const one = listen({ host: '::', ipv6Only: true });
    const names = (await whoListens(t)).map((line) => line.split(' ')[1]);
    assert.deepEqual(names.sort(), [`*:${portOf(both.address())}:`, `[::]:${portOf(one.address())}:`]);
    closeAll([both, one]);
  },
);

test(
  'who-listens by a user who may not look into the processes: the reason, once',
  { skip: anyOf(skip, needsRoot(), needsTool('setpriv')) },
  () => {
    const two = [listen({ host: '127.0.0.1' }), listen({ host: '127.0.0.1' })];
    const user = ['--reuid', '65534', '--regid', '65534', '--clear-groups', process.execPath, SCRIPT];
    const lines = spawnSync('setpriv', user, { encoding: 'utf8' }).stdout.trim().split('\n');
    assert.equal(lines.length, 3);
    assert.match(lines[0] ?? '', /dropped: \?$/);
    assert.match(lines[2] ?? '', /^\? this user may not look into \d+ process/);
    closeAll(two);
  },
);

test('who-listens foo: one line on stderr, exit status 2', async (t) => {
  const { code, stdout, stderr } = await startExample(t, 'who-listens.js', ['foo']).ended();
  assert.match(stderr, /^who-listens: [^\n]+\n$/);
  assert.deepEqual([stdout, code], ['', 2]);
});
