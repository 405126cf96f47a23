import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as net from 'node:net';
import { after, test } from 'node:test';
import { listen, type Address } from 'listenq';
import { watchQueue, type QueueWatch } from 'listenq/kernel';
import { inChild } from '../support/child';
import { openedSince, openDescriptors, privateNetwork } from '../support/machine';
import { beginConnects, closeAll } from '../support/sockets';
import { inWorker } from '../support/worker';

const skip = privateNetwork();
// A watch keeps nobody alive, and the runner takes a process that could end for one that has.
const alive = setInterval(() => undefined, 1000);
after(() => clearInterval(alive));

const OPTIONS = { highRatio: 0.8, lowRatio: 0.2, intervalMs: 5 };

/** Looks pass, by the clock of the watch itself: so many that a change would have been told. */
async function looks(watch: QueueWatch, count = 3): Promise<void> {
  for (let i = 0; i < count; i++) {
    const before = watch.reading;
    while (watch.reading === before) await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

test('watchQueue: tells once that 8 of 10 places are taken, and once that 2 are', { skip }, async () => {
  using listener = listen({ host: '127.0.0.1', backlog: 9 });
  using watch = watchQueue(listener, OPTIONS);
  const told: string[] = [];
  watch.on('pressure', ({ waiting, room, ratio, length, limit, drops }) =>
    told.push(`pressure ${waiting} of ${room} ${ratio} ${length}/${limit} ${drops}`),
  );
  watch.on('relief', ({ waiting, room }) => told.push(`relief ${waiting} of ${room}`));
  const clients = beginConnects(listener.address(), 7);
  await looks(watch);
  assert.deepEqual([told, watch.high], [[], false], '7 of 10 are less than 0.8');
  clients.push(...beginConnects(listener.address(), 1));
  await once(watch, 'pressure');
  assert.equal(watch.high, true);
  closeAll(listener.acceptMany(5));
  await looks(watch);
  assert.deepEqual(told, ['pressure 8 of 10 0.8 8/9 0'], '3 of 10 are more than 0.2');
  closeAll(listener.acceptMany(1));
  await once(watch, 'relief');
  await looks(watch);
  assert.deepEqual(told, ['pressure 8 of 10 0.8 8/9 0', 'relief 2 of 10']);
  assert.equal(watch.high, false);
  closeAll(clients);
});

test('watchQueue: in a worker, of a queue whose own thread is stuck', { skip }, async () => {
  const listener = listen({ host: '127.0.0.1', backlog: 4 });
  const handle = listener.share();
  const address = listener.address();
  const { heard, ended } = inWorker((q, _, shared: never, { say }) => {
    const { watchQueue: watchThere } = require('listenq/kernel') as typeof import('listenq/kernel');
    const mine = q.Listener.from(shared);
    const watch = watchThere(mine, { highRatio: 1, intervalMs: 2 });
    const alive = setInterval(() => undefined, 1000);
    watch.once('pressure', ({ waiting, room }) => {
      say(`${waiting} of ${room}`);
      clearInterval(alive);
      mine.release();
    });
    say('watches');
  }, handle);
  assert.equal(await heard(), 'watches');
  const clients = beginConnects(address, 5);
  const said = heard();
  // The other thread sees it although this one does not turn.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  assert.equal(await said, '5 of 5');
  await ended;
  closeAll([...clients, listener]);
});

test('watchQueue: of a net.Server, until it is closed', { skip }, async () => {
  const server = net.createServer().listen({ host: '127.0.0.1', port: 0, backlog: 3 });
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const watch = watchQueue(server, { ...OPTIONS, intervalMs: 1 });
  const address: Address = { family: 'IPv4', address: '127.0.0.1', port };
  // Nothing is accepted before this turn ends: the first look sees what is left then.
  const clients = beginConnects(address, 4);
  const fresh = watchQueue(server, OPTIONS);
  assert.deepEqual([fresh.reading.waiting, fresh.reading.room], [4, 4]);
  fresh.close();
  const closed = once(watch, 'close');
  server.close();
  server.on('connection', (socket) => socket.destroy());
  closeAll(clients);
  await closed;
  assert.equal(watch.closed, true);
});

test('watchQueue: a listener that is closed while it is watched ends the watch', { skip }, async () => {
  for (const close of [
    (listener: ReturnType<typeof listen>): void => listener.close(),
    (listener: ReturnType<typeof listen>): void => listener.release(),
  ]) {
    const before = openDescriptors();
    const listener = listen({ host: '127.0.0.1' });
    const watch = watchQueue(listener, { intervalMs: 1 });
    close(listener);
    await once(watch, 'close');
    watch.close();
    assert.deepEqual(openedSince(before), []);
  }
});

test('watchQueue: a server that listens again is another one', { skip }, async () => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const watch = watchQueue(server, { intervalMs: 5 });
  const closed = once(watch, 'close');
  // Before the next look.
  server.close();
  server.listen(0, '127.0.0.1');
  await closed;
  server.close();
});

test('watchQueue: close() ends it, emits once, and leaves the listener as it is', { skip }, () => {
  using listener = listen({ host: '127.0.0.1' });
  const watch = watchQueue(listener);
  let closed = 0;
  watch.on('close', () => closed++);
  watch.close();
  watch.close();
  assert.equal(closed, 1);
  assert.equal(listener.closed, false);
});

test('watchQueue: an AF_UNIX queue; drops are not known', { skip }, async () => {
  using listener = listen({ path: '\0listenq-watch', backlog: 1 });
  using watch = watchQueue(listener, { intervalMs: 1 });
  const clients = beginConnects(listener.address(), 2);
  const [reading] = (await once(watch, 'pressure')) as [QueueWatch['reading']];
  assert.deepEqual(reading, { ratio: 1, waiting: 2, room: 2, length: 2, limit: 1, drops: undefined });
  closeAll(clients);
});

test('watchQueue: does not keep the process alive', { skip }, () => {
  inChild((q) => {
    const { watchQueue: watchThere } = require('listenq/kernel') as typeof import('listenq/kernel');
    watchThere(q.listen({ host: '127.0.0.1' }), { intervalMs: 1 });
  });
});

const WRONG: [name: string, source: unknown, options: unknown, code: string, message: RegExp][] = [
  [
    'a descriptor',
    3,
    {},
    'ERR_INVALID_ARG_TYPE',
    /source must be a Listener or a net.Server .*Received type number/,
  ],
  ['nothing', undefined, {}, 'ERR_INVALID_ARG_TYPE', /Received undefined/],
  ['a ratio above 1', 'listener', { highRatio: 1.5 }, 'ERR_OUT_OF_RANGE', /options.highRatio.*1.5/],
  ['a low mark above the high one', 'listener', { lowRatio: 0.9 }, 'ERR_INVALID_ARG_VALUE', /less than/],
  ['an interval of 0', 'listener', { intervalMs: 0 }, 'ERR_OUT_OF_RANGE', /options.intervalMs/],
  ['an option that there is not', 'listener', { interval: 5 }, 'ERR_INVALID_ARG_VALUE', /interval/],
  ['a server that does not listen', net.createServer(), {}, 'ERR_SERVER_NOT_RUNNING', /^watchQueue: /],
];

for (const [name, source, options, code, message] of WRONG) {
  test(`watchQueue: refuses ${name}`, { skip }, () => {
    using listener = listen({ host: '127.0.0.1' });
    const given = source === 'listener' ? listener : source;
    assert.throws(() => watchQueue(given as never, options as never), { code, message });
  });
}

test('watchQueue: refuses a closed listener', { skip }, () => {
  const listener = listen({ host: '127.0.0.1' });
  listener.close();
  assert.throws(() => watchQueue(listener), { code: 'ERR_LISTENER_CLOSED' });
});
