import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { test, type TestContext } from 'node:test';
import { listeners } from 'listenq/kernel';
import { anyOf, needsTool, privateNetwork, ROOT } from '../support/machine';
import { until } from '../support/until';
import { get, said, Traffic } from './support/answers';
import { startHaproxy, type Haproxy } from './support/haproxy';
import { startExample } from './support/program';

// The ports are those of examples/haproxy.cfg.
const skipPrivate = privateNetwork();
const skip = anyOf(skipPrivate, needsTool('haproxy'));

const CONFIGURATION = path.join('examples', 'haproxy.cfg');
const FRONT = 4480;
const BOTH = ['served at port 4481', 'served at port 4482'];

function read(...names: string[]): string {
  return fs.readFileSync(path.join(ROOT, ...names), 'utf8');
}

/** What stands in the guide in fences of this language. */
function blocksOf(language: string): string[] {
  const guide = read('docs', 'monitoring', 'balancers.md');
  return [...guide.matchAll(new RegExp('```' + language + '\n(.*?)```', 'gs'))].map(
    ([, block]) => block as string,
  );
}

/** How many wait in the kernel's queue. */
function lengthAt(port: string): number {
  return listeners({ port: Number(port), processes: false })[0]?.length ?? 0;
}

/** A client that says nothing, until the test ends. */
async function comer(t: TestContext, port: string): Promise<void> {
  const client = net.connect(Number(port), '127.0.0.1').on('error', () => undefined);
  t.after(() => client.destroy());
  await once(client, 'connect');
}

/** Clients that connect one after another, so that as many wait, until something comes of it. Of a server that is about to be
 * busy they may be taken at first: others follow. */
async function fill(
  t: TestContext,
  port: string,
  length: number,
  comesOfIt: () => Promise<boolean>,
): Promise<void> {
  await until(async () => {
    for (let clients = 0; clients < 1000 && lengthAt(port) < length; clients++) await comer(t, port);
    return comesOfIt();
  }, `what comes of ${length} that wait`);
}

/** Two of them, as the configuration has them, and HAProxy once it has heard both. */
async function startAll(t: TestContext): Promise<Haproxy> {
  for (const ports of [
    [4481, 4491],
    [4482, 4492],
  ]) {
    const example = startExample(t, 'haproxy-agent.js', ports);
    await example.port();
    await example.port();
  }
  const haproxy = await startHaproxy(t, CONFIGURATION);
  for (const name of ['one', 'two']) {
    const heard = async (): Promise<boolean> => (await haproxy.server(name))['agent_status'] === 'CHECKED';
    await until(heard, `an answer of the agent of ${name}`);
  }
  return haproxy;
}

test(
  'haproxy-agent: HAProxy takes a server that is stuck out, and back in; no request fails',
  { skip },
  async (t) => {
    const haproxy = await startAll(t);
    const traffic = new Traffic(FRONT, '/');
    t.after(() => traffic.stop());
    const bothServe = async (): Promise<void> => {
      traffic.bodies.clear();
      await until(() => BOTH.every((body) => (traffic.bodies.get(body) ?? 0) >= 5), 'answers of both');
    };
    await bothServe();

    let stuck = true;
    const busy = get(4481, '/busy?ms=5000').finally(() => (stuck = false));
    await until(async () => (await haproxy.weight('one')) === 0, 'one taken out');
    const meanwhile = await Promise.all(Array.from({ length: 20 }, () => get(FRONT, '/')));
    assert.equal(await haproxy.weight('one'), 0);
    assert.ok(stuck, 'it was stuck all the while');
    assert.deepEqual(new Set(meanwhile.map(({ body }) => body)), new Set([BOTH[1]]));

    assert.equal((await busy).status, 200);
    await until(async () => (await haproxy.weight('one')) > 0, 'one taken back in');
    await bothServe();
    for (const request of await traffic.all()) {
      assert.equal(request.status === 'fulfilled' ? request.value.status : request.reason, 200);
    }
    // Nor was any tried twice.
    const { hrsp_5xx, wretr, wredis, econ, eresp } = await haproxy.server('BACKEND');
    assert.deepEqual([hrsp_5xx, wretr, wredis, econ, eresp], ['0', '0', '0', '0', '0']);
  },
);

test(
  "haproxy-agent: what HAProxy's operator has asked for outlasts what the agent says",
  { skip },
  async (t) => {
    const haproxy = await startAll(t);
    await haproxy.ask('set server servers/one state maint');
    // What the agent said last; the effective weight does not change in this state.
    const says = async (weight: string): Promise<boolean> =>
      (await haproxy.server('one'))['uweight'] === weight;
    const busy = get(4481, '/busy?ms=1500');
    await fill(t, '4481', 1, () => says('0'));
    assert.equal((await busy).status, 200);
    await until(() => says('100'), '100%');
    assert.equal((await haproxy.server('one'))['status'], 'MAINT');
  },
);

test('haproxy-agent: the weight is what is free of the queue, and 0% from 80% on until it is emptied', async (t) => {
  const example = startExample(t, 'haproxy-agent.js', [0, 0, '127.0.0.1', 60_000]);
  const [port, agentPort] = [await example.port(), await example.port()];
  const says = async (weight: string): Promise<boolean> => (await said(agentPort)) === weight;
  assert.equal(await said(agentPort), '100%');
  const busy = get(port, '/busy?ms=2500');
  await fill(t, port, 128, () => says('75%')); // of 512
  await fill(t, port, 410, () => says('0%'));
  assert.equal((await busy).status, 200);
  await until(() => says('100%'), '100%');
});

test('haproxy-agent: a queue that moves is not stuck, though somebody waits whenever it is looked at', async (t) => {
  const example = startExample(t, 'haproxy-agent.js', [0, 0, '127.0.0.1', 1500]);
  const [port, agentPort] = [await example.port(), await example.port()];
  const coming = setInterval(() => void comer(t, port).catch(() => undefined), 5);
  t.after(() => clearInterval(coming));
  let served = 0;
  const busyOneAfterAnother = async (): Promise<void> => {
    while (served < 30) {
      await get(port, '/busy?ms=100');
      served++;
    }
  };
  const all = Promise.all([busyOneAfterAnother(), busyOneAfterAnother(), busyOneAfterAnother()]);
  const heard = new Set<string>();
  while (served < 30) heard.add(await said(agentPort));
  await all;
  assert.ok(heard.size > 1, 'somebody waited');
  assert.ok(!heard.has('0%'), [...heard].join());
});

test(
  'haproxy.cfg: HAProxy finds nothing wrong with it, and the guide shows it',
  { skip: needsTool('haproxy') },
  () => {
    const { status, stderr } = spawnSync('haproxy', ['-c', '-f', CONFIGURATION], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    assert.doesNotMatch(stderr, /WARNING|ALERT/);
    const blocks = blocksOf('haproxy');
    assert.ok(blocks.length > 0);
    for (const block of blocks) assert.ok(read(CONFIGURATION).includes(block), block);
  },
);

test('readiness: 503 with the reading when the queue is nearly full, 200 when it is emptied', async (t) => {
  const example = startExample(t, 'readiness.js', [0, 0, '127.0.0.1', 9]);
  const [port, readyPort] = [await example.port(), await example.port()];
  const first = await get(readyPort, '/ready');
  assert.equal(first.status, 200);
  assert.deepEqual(JSON.parse(first.body), { ratio: 0, waiting: 0, room: 10, length: 0, limit: 9, drops: 0 });
  assert.equal((await get(readyPort, '/')).status, 404);

  const busy = get(port, '/busy?ms=2000');
  const says = async (status: number): Promise<boolean> => (await get(readyPort, '/ready')).status === status;
  await fill(t, port, 8, () => says(503));
  const { body } = await get(readyPort, '/ready');
  assert.deepEqual(JSON.parse(body), { ratio: 0.8, waiting: 8, room: 10, length: 8, limit: 9, drops: 0 });
  assert.equal((await busy).status, 200);
  await until(() => says(200), '200');
});

test("readiness: the guide's probe is the one in the example's head", () => {
  const head = read('examples', 'readiness.js').replaceAll(/^\/\/ {0,3}/gm, '');
  const blocks = blocksOf('yaml');
  assert.equal(blocks.length, 1);
  for (const block of blocks) assert.ok(head.includes(block), block);
});
