import assert from 'node:assert/strict';
import * as http from 'node:http';
import * as net from 'node:net';
import * as path from 'node:path';
import { test } from 'node:test';
import * as client from 'prom-client';
import { acceptLoop, listen, type AcceptLoop } from 'listenq';
import { counters, queueOf } from 'listenq/kernel';
import { prometheusMetrics } from 'listenq/metrics';
import { acceptLoopOf, attach } from 'listenq/server';
import { block, withLoop } from '../accept-loop/support';
import { until } from '../support/until';
import { openDescriptors, openedSince, privateNetwork, temporaryFolder } from '../support/machine';
import { dropsOf, queueOfDescriptor } from '../support/queue';
import { beginConnects, closeAll, portOf } from '../support/sockets';
import { inWorker } from '../support/worker';
import { addressOf, closed, HOST, scrape, started, withMetrics } from './support';

const skip = privateNetwork();

test('a Listener: length, limit and drops are those of TCP_INFO and SO_MEMINFO', { skip }, async () => {
  const listener = listen({ host: HOST, backlog: 3 });
  const clients = beginConnects(listener.address(), 7);
  const name = `${HOST}:${portOf(listener.address())}`;
  await withMetrics({}, async (metrics, registry) => {
    metrics.add(listener);
    const found = await scrape(registry);
    const { length, limit } = queueOfDescriptor(listener.fd);
    assert.deepEqual({ length, limit }, { length: 4, limit: 3 });
    assert.equal(found.get(`listenq_queue_length{listener="${name}"}`), length);
    assert.equal(found.get(`listenq_queue_limit{listener="${name}"}`), limit);
    const drops = found.get(`listenq_queue_drops_total{listener="${name}"}`) ?? 0;
    assert.ok(drops >= 3 && drops <= dropsOf(listener.fd), String(drops));
  });
  closeAll([...clients, listener]);
});

test('each scrape reads anew: a client more is one more', { skip }, async () => {
  const listener = listen({ host: HOST, backlog: 9 });
  await withMetrics({}, async (metrics, registry) => {
    metrics.add(listener, { name: 'web' });
    const clients: number[] = [];
    for (let count = 0; count < 5; count++) {
      assert.equal((await scrape(registry)).get('listenq_queue_length{listener="web"}'), count);
      clients.push(...beginConnects(listener.address(), 1));
    }
    closeAll(clients);
  });
  listener.close();
});

test(
  'half-open connections of each listener, as queueOf counts them; without synQueue none',
  { skip },
  async () => {
    const listeners = [4, 2].map((count) => {
      const listener = listen({ host: HOST, backlog: 50, deferAcceptSeconds: 30 });
      return { listener, clients: beginConnects(listener.address(), count) };
    });
    for (const synQueue of [true, false]) {
      await withMetrics({ synQueue }, async (metrics, registry) => {
        for (const { listener } of listeners) metrics.add(listener);
        const found = await scrape(registry);
        for (const { listener, clients } of listeners) {
          const sample = `listenq_syn_queue_length{listener="${HOST}:${portOf(listener.address())}"}`;
          assert.equal(found.get(sample), synQueue ? clients.length : undefined);
          assert.equal(queueOf(listener).synLength, clients.length);
        }
      });
    }
    for (const { listener, clients } of listeners) closeAll([...clients, listener]);
  },
);

test('a server at a path: its name is the path; it has no drops and no SYN queue', { skip }, async () => {
  const file = path.join(temporaryFolder(), 'socket');
  const server = net.createServer().listen({ path: file, backlog: 4 });
  await new Promise((resolve) => server.once('listening', resolve));
  await withMetrics({}, async (metrics, registry) => {
    metrics.add(server);
    const found = [...(await scrape(registry))].filter(([sample]) => sample.includes(file));
    assert.deepEqual(found, [
      [`listenq_queue_length{listener="${file}"}`, 0],
      [`listenq_queue_limit{listener="${file}"}`, 4],
    ]);
  });
  await closed(server);
});

test(
  'names: [::]:port of one that listens everywhere, the given one with what the format escapes',
  { skip },
  async () => {
    const everywhere = listen({ backlog: 1 });
    const named = listen({ host: HOST, backlog: 2 });
    await withMetrics({}, async (metrics, registry) => {
      metrics.add(everywhere).add(named, { name: 'a "b"\\c' });
      const found = await scrape(registry);
      assert.equal(found.get(`listenq_queue_limit{listener="[::]:${portOf(everywhere.address())}"}`), 1);
      assert.equal(found.get('listenq_queue_limit{listener="a \\"b\\"\\\\c"}'), 2);
    });
    closeAll([everywhere, named]);
  },
);

/** What stats() says, as it is exposed. */
function samplesOf(loop: AcceptLoop, name: string): [string, number][] {
  const { accepted, waiting, refused, shortages, failed } = loop.stats();
  const of = (metric: string, labels = ''): string => `listenq_${metric}{listener="${name}"${labels}}`;
  return [
    [of('accepted_total'), accepted],
    [of('waiting'), waiting],
    [of('refused_total', ',cause="max_wait"'), refused.maxWaitMs],
    [of('refused_total', ',cause="max_waiting"'), refused.maxWaiting],
    [of('refused_total', ',cause="max_connections"'), refused.maxConnections],
    [of('refused_total', ',cause="block_list"'), refused.blockList],
    [of('shortages_total'), shortages],
    [of('failed_total'), failed],
  ];
}

test('a loop: what stats() counts, each refusal under its cause', { skip }, async () => {
  const blockList = new net.BlockList();
  const limits = { overload: 'close', maxWaiting: 3, maxConnections: 5, blockList } as const;
  await withLoop({ host: HOST, backlog: 50 }, limits, (loop) =>
    withMetrics({}, async (metrics, registry) => {
      metrics.add(loop, { name: 'web' });
      const to = loop.listeners[0]?.address();
      assert.ok(to);
      const clients = beginConnects(to, 4);
      await until(() => loop.stats().refused.maxWaiting === 1, 'one is refused, as three wait');
      const taken = [await loop.accept(), await loop.accept(), await loop.accept()];
      clients.push(...beginConnects(to, 3));
      await until(() => loop.stats().refused.maxConnections === 1, 'one is refused, as five are open');
      blockList.addAddress(HOST);
      clients.push(...beginConnects(to, 2));
      await until(() => loop.stats().refused.blockList === 2, 'two are blocked');
      const found = await scrape(registry);
      const expected = samplesOf(loop, 'web');
      assert.deepEqual(
        expected.map(([sample]) => [sample, found.get(sample)]),
        expected,
      );
      assert.deepEqual(
        expected.map(([, value]) => value),
        [9, 2, 0, 1, 1, 2, 0, 0],
      );
      closeAll([...clients, ...taken]);
    }),
  );
});

test(
  'waits: one observation for each connection that is handed out, long ones in the buckets above',
  { skip },
  async () => {
    await withLoop({ host: HOST, backlog: 50 }, {}, (loop) =>
      withMetrics({}, async (metrics, registry) => {
        metrics.add(loop, { name: 'web' });
        const count = 'listenq_wait_seconds_count{listener="web"}';
        const upTo = (le: number): string => `listenq_wait_seconds_bucket{le="${le}",listener="web"}`;
        assert.equal((await scrape(registry)).get(count), 0);
        const to = loop.listeners[0]?.address();
        assert.ok(to);
        const clients = beginConnects(to, 3);
        await until(() => loop.stats().waiting === 3, 'three wait');
        block(120);
        for (let i = 0; i < 3; i++) (await loop.accept()).close();
        const found = await scrape(registry);
        assert.equal(found.get(count), 3);
        assert.equal(found.get(upTo(0.1)), 0);
        const sum = found.get('listenq_wait_seconds_sum{listener="web"}') ?? 0;
        // stats() tells whole milliseconds.
        const most = (3 * (loop.stats().longestWaitMs + 1)) / 1000;
        assert.ok(3 * 0.12 <= sum && sum <= most, `${sum} s`);
        metrics.remove(loop);
        closeAll([...clients, ...beginConnects(to, 1)]);
        (await loop.accept()).close();
        assert.equal((await scrape(registry)).get(count), undefined);
      }),
    );
  },
);

test('a server with an accept loop brings the loop, one of Node has its queue alone', { skip }, async () => {
  const attached = await started(attach(http.createServer((_, response) => response.end('here'))), 7);
  const plain = await started(http.createServer(), 8);
  await withMetrics({}, async (metrics, registry) => {
    metrics.add(attached, { name: 'attached' }).add(plain, { name: 'plain' });
    const { port } = addressOf(attached) as { port: number };
    const answer = await fetch(`http://${HOST}:${port}/`);
    assert.equal(await answer.text(), 'here');
    const found = await scrape(registry);
    assert.equal(found.get('listenq_queue_limit{listener="attached"}'), 7);
    assert.equal(found.get('listenq_queue_limit{listener="plain"}'), 8);
    const accepted = acceptLoopOf(attached)?.stats().accepted;
    assert.ok(accepted !== undefined && accepted > 0);
    assert.equal(found.get('listenq_accepted_total{listener="attached"}'), accepted);
    assert.equal(found.get('listenq_wait_seconds_count{listener="attached"}'), accepted);
    assert.equal(found.get('listenq_accepted_total{listener="plain"}'), undefined);
    attached.closeAllConnections();
  });
  await closed(attached);
  await closed(plain);
});

test('a loop of two listeners: a queue for each, one line for the loop', { skip }, async () => {
  const listeners = [3, 4].map((backlog) => listen({ host: HOST, backlog }));
  const [first, second] = listeners.map((listener) => `${HOST}:${portOf(listener.address())}`);
  await withLoop(listeners, {}, async (loop) => {
    for (const [name, of, whole] of [
      [undefined, (address?: string) => address, `${first}, ${second}`],
      ['web', (address?: string) => `web ${address}`, 'web'],
    ] as const) {
      await withMetrics({}, async (metrics, registry) => {
        metrics.add(loop, { name });
        const found = await scrape(registry);
        assert.equal(found.get(`listenq_queue_limit{listener="${of(first)}"}`), 3);
        assert.equal(found.get(`listenq_queue_limit{listener="${of(second)}"}`), 4);
        assert.equal(found.get(`listenq_accepted_total{listener="${whole}"}`), 0);
      });
    }
  });
});

test('a loop of two listeners at one port: the second is numbered', { skip }, async () => {
  const first = listen({ host: HOST, reusePort: true, backlog: 3 });
  const port = portOf(first.address());
  const second = listen({ host: HOST, port, reusePort: true, backlog: 4 });
  await withLoop([first, second], {}, (loop) =>
    withMetrics({}, async (metrics, registry) => {
      metrics.add(loop);
      const found = await scrape(registry);
      assert.equal(found.get(`listenq_queue_limit{listener="${HOST}:${port}"}`), 3);
      assert.equal(found.get(`listenq_queue_limit{listener="${HOST}:${port} #2"}`), 4);
    }),
  );
});

test('the namespace: listenOverflows and listenDrops as counters() has them', { skip }, async () => {
  const listener = listen({ host: HOST, backlog: 0 });
  const before = counters().listenOverflows ?? 0;
  const clients = beginConnects(listener.address(), 3);
  await withMetrics({}, async (_, registry) => {
    const found = await scrape(registry);
    const after = counters();
    for (const [metric, now] of [
      ['overflows', after.listenOverflows],
      ['drops', after.listenDrops],
    ] as const) {
      const value = found.get(`listenq_namespace_listen_${metric}_total`) ?? 0;
      // SYNs that are sent again are counted too.
      assert.ok(value >= before + 2 && value <= (now ?? 0), `${before}, ${value}, ${now}`);
    }
  });
  closeAll([...clients, listener]);
});

test('the longest pause of the event loop is still there at the second scrape', { skip }, async () => {
  await withMetrics({}, async (_, registry) => {
    const longest = async (): Promise<number> =>
      (await scrape(registry)).get('listenq_event_loop_longest_pause_seconds') ?? -1;
    assert.ok((await longest()) >= 0);
    // The monitor knows a pause by the time since it last looked, which it does every 50 ms.
    await new Promise((resolve) => setTimeout(resolve, 150));
    block(400);
    await new Promise((resolve) => setTimeout(resolve, 150));
    const first = await longest();
    assert.ok(first >= 0.345, String(first));
    assert.ok((await longest()) >= first);
  });
});

test('one that is closed leaves at the next scrape, which fails for nobody', { skip }, async () => {
  const listener = listen({ host: HOST });
  const loop = acceptLoop({ host: HOST });
  const server = await started(http.createServer());
  const attached = await started(attach(http.createServer()));
  const stays = listen({ host: HOST, backlog: 6 });
  await withMetrics({}, async (metrics, registry) => {
    metrics.add(listener).add(loop).add(server).add(attached).add(stays, { name: 'stays' });
    const watched = async (): Promise<number> =>
      [...(await scrape(registry)).keys()].filter((sample) => sample.startsWith('listenq_queue_limit'))
        .length;
    assert.equal(await watched(), 5);
    listener.close();
    await loop.close();
    await closed(server);
    await closed(attached);
    assert.equal(await watched(), 1);
    const labelled = [...(await scrape(registry)).keys()].filter((sample) => sample.includes('listener='));
    assert.deepEqual(
      labelled.filter((sample) => !sample.includes('listener="stays"')),
      [],
    );
    assert.equal(metrics.remove(listener), false);
    assert.equal(metrics.remove(stays), true);
    assert.equal(await watched(), 0);
  });
  stays.close();
});

test(
  'a server that listens again is another one: it can be added under the same name',
  { skip },
  async () => {
    const server = await started(attach(http.createServer()), 3);
    await withMetrics({}, async (metrics, registry) => {
      metrics.add(server, { name: 'web' });
      await closed(server);
      await started(server, 4);
      assert.equal((await scrape(registry)).get('listenq_queue_limit{listener="web"}'), undefined);
      metrics.add(server, { name: 'web' });
      assert.equal((await scrape(registry)).get('listenq_queue_limit{listener="web"}'), 4);
    });
    await closed(server);
  },
);

test(
  'close() takes the metrics out of the registry, those of others stay; no descriptor is left',
  { skip },
  async () => {
    const registry = new client.Registry();
    const own = new client.Gauge({ name: 'own', help: 'of the program', registers: [registry] });
    const listener = listen({ host: HOST });
    const before = openDescriptors();
    const metrics = prometheusMetrics({ registry }).add(listener);
    await scrape(registry);
    metrics.close();
    metrics.close();
    assert.deepEqual(registry.getMetricsAsArray(), [own]);
    // A thread of an earlier test's loop may be ending still.
    await until(() => openedSince(before).length === 0, 'no descriptor is left');
    assert.throws(() => metrics.add(listener), { code: 'ERR_METRICS_CLOSED' });
    const again = prometheusMetrics({ registry }).add(listener);
    assert.equal((await scrape(registry)).size > 1, true);
    again[Symbol.dispose]();
    listener.close();
  },
);

test('close() leaves a metric that has come into the place of its own', { skip }, () => {
  const registry = new client.Registry();
  const metrics = prometheusMetrics({ registry });
  registry.clear();
  const other = new client.Gauge({ name: 'listenq_waiting', help: 'of another', registers: [registry] });
  metrics.close();
  assert.equal(registry.getSingleMetric('listenq_waiting'), other);
});

test('in a worker: its own registry, its own thread', { skip }, async () => {
  const { heard, ended } = inWorker(async (q, _, __, { say }) => {
    const prom = require('prom-client') as typeof client;
    const made = (require('listenq/metrics') as typeof import('listenq/metrics')).prometheusMetrics();
    const listener = q.listen({ host: '127.0.0.1', backlog: 5 });
    made.add(listener, { name: 'there' });
    const text = await prom.register.metrics();
    made.close();
    listener.close();
    say(/listenq_queue_limit\{listener="there"\} (\d+)/.exec(text)?.[1]);
  });
  assert.equal(await heard(), '5');
  await ended;
  assert.equal(client.register.getSingleMetric('listenq_queue_limit'), undefined);
});

test(
  "a cluster's page: of a queue that workers share the fullest reading, loops summed up",
  { skip },
  async () => {
    const listener = listen({ host: HOST, backlog: 6 });
    const clients = beginConnects(listener.address(), 1);
    await withLoop({ host: HOST }, {}, async (loop) => {
      const to = loop.listeners[0]?.address();
      assert.ok(to);
      closeAll(beginConnects(to, 2));
      await until(() => loop.stats().accepted === 2, 'both are accepted');
      const workers: object[] = [];
      for (let worker = 0; worker < 2; worker++) {
        await withMetrics({}, async (metrics, registry) => {
          metrics.add(listener, { name: 'shared' }).add(loop, { name: 'loop' });
          workers.push(await registry.getMetricsAsJSON());
        });
      }
      const found = await scrape(client.AggregatorRegistry.aggregate(workers));
      assert.equal(found.get('listenq_queue_length{listener="shared"}'), 1);
      assert.equal(found.get('listenq_queue_limit{listener="shared"}'), 6);
      assert.equal(found.get('listenq_accepted_total{listener="loop"}'), 4);
      assert.equal(found.get('listenq_waiting{listener="loop"}'), 4);
    });
    closeAll([...clients, listener]);
  },
);
