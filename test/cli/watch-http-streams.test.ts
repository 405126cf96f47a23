import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as net from 'node:net';
import { test } from 'node:test';
import { listen } from 'listenq';
import { privateNetwork, setSysctl } from '../support/machine';
import { closeAll } from '../support/sockets';
import { until } from '../support/until';
import { eventsOf, eventsUntil, keepOpen, samplesOf, withPageServer, type PageEvent } from './page-server';
import { connectionsOf } from './server';

const skip = privateNetwork();
/** Small buffers, so that whoever does not read is noticed soon. */
if (skip === false)
  for (const name of ['tcp_wmem', 'tcp_rmem']) setSysctl(`net.ipv4.${name}`, '4096 4096 4096');

const sampleAfter =
  (number: number) =>
  (event: PageEvent): boolean =>
    (samplesOf([event])[0]?.number ?? 0) > number;

test('watch --http: samples were taken while nobody looked, and are all sent first', { skip }, async () => {
  await withPageServer([], async ({ port }) => {
    const early = samplesOf(await eventsUntil(eventsOf(port), sampleAfter(5)));
    const numbers = samplesOf(await eventsUntil(eventsOf(port), sampleAfter(8))).map(({ number }) => number);
    assert.deepEqual(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.equal(early[0]?.data.namespace, null, 'the first has no rates');
    assert.equal(early[1]?.data.namespace?.length, 5);
  });
});

test(
  'watch --http, Last-Event-ID: only what was missed; all of it if it is of another run',
  { skip },
  async () => {
    await withPageServer([], async ({ port }) => {
      const [first] = samplesOf(await eventsUntil(eventsOf(port), sampleAfter(5)));
      const comeBack = async (id: string): Promise<number[]> => {
        const events = await eventsUntil(eventsOf(port, { 'Last-Event-ID': id }), sampleAfter(6));
        assert.equal(events[0]?.event, 'roster');
        return samplesOf(events).map(({ number }) => number);
      };
      assert.deepEqual((await comeBack(`${first?.run}.4`)).slice(0, 2), [5, 6]);
      for (const id of ['another.4', 'nonsense', '4', `${first?.run}.`]) {
        assert.deepEqual((await comeBack(id)).slice(0, 2), [1, 2], id);
      }
    });
  },
);

test(
  'watch --http, clients that go away in mid-stream: their descriptors are closed, the others go on',
  { skip },
  async () => {
    await withPageServer([], async ({ port, process: child, stderr }) => {
      const stays = eventsOf(port);
      await stays.next();
      const before = connectionsOf(child.pid);
      const others = Array.from({ length: 5 }, () => net.connect(port, '127.0.0.1'));
      for (const socket of others) {
        socket.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
        await once(socket, 'data');
      }
      assert.equal(connectionsOf(child.pid), before + 5);
      for (const [i, socket] of others.entries()) {
        if (i % 2 === 0) socket.resetAndDestroy();
        else socket.destroy();
      }
      await until(() => connectionsOf(child.pid) === before);
      const { number = 0 } = samplesOf(await eventsUntil(keepOpen(stays), sampleAfter(0)))[0] ?? {};
      await eventsUntil(stays, sampleAfter(number + 20));
      assert.deepEqual([child.exitCode, stderr()], [null, '']);
    });
  },
);

test('watch --http, a client that does not read: it is dropped, the others go on', { skip }, async () => {
  // Samples of some kilobytes.
  const many = Array.from({ length: 100 }, (_, i) => listen({ path: `\0stalled-${i}` }));
  await withPageServer([], async ({ port, process: child }) => {
    const stays = eventsOf(port);
    await stays.next();
    const before = connectionsOf(child.pid);
    const stalled = net.connect({
      port,
      host: '127.0.0.1',
      onread: { buffer: Buffer.alloc(512), callback: () => false },
    });
    stalled.on('error', () => undefined);
    stalled.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await until(() => connectionsOf(child.pid) === before + 1);
    let last = 0;
    const reading = (async () => {
      for await (const event of stays) last = samplesOf([event])[0]?.number ?? last;
    })();
    await until(() => connectionsOf(child.pid) === before);
    const then = last;
    assert.ok(then > 100, 'it had its time');
    await until(() => last > then + 3);
    stalled.destroy();
    child.kill();
    await reading;
  });
  closeAll(many);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`watch --http, ${signal} with open streams: they end, exit status 0`, { skip }, async () => {
    await withPageServer(['--interval', '3600'], async ({ port, process: child, ended }) => {
      const streams = [eventsOf(port), eventsOf(port)];
      for (const events of streams) await eventsUntil(keepOpen(events), sampleAfter(0));
      child.kill(signal);
      for (const events of streams) assert.deepEqual(await events.next(), { value: undefined, done: true });
      assert.deepEqual(await ended, [0, null]);
    });
  });
}

test('watch --http --count 5: ends after five samples with exit status 0', { skip }, async () => {
  await withPageServer(['--count', '5'], async ({ port, ended }) => {
    const numbers: number[] = [];
    for await (const event of eventsOf(port)) numbers.push(...samplesOf([event]).map(({ number }) => number));
    assert.deepEqual(numbers, [1, 2, 3, 4, 5]);
    assert.deepEqual(await ended, [0, null]);
  });
});
