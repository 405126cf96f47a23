import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as api from '@opentelemetry/api';
import {
  AggregationTemporality,
  DataPointType,
  MeterProvider,
  MetricReader,
  type CollectionResult,
  type Histogram,
  type MetricData,
} from '@opentelemetry/sdk-metrics';
import { listen } from 'listenq';
import { queueOf } from 'listenq/kernel';
import { openTelemetryMetrics, type OpenTelemetryOptions } from 'listenq/metrics';
import { withLoop } from '../accept-loop/support';
import { until } from '../support/until';
import { privateNetwork, ROOT } from '../support/machine';
import { queueOfDescriptor } from '../support/queue';
import { beginConnects, closeAll } from '../support/sockets';
import { HOST } from './support';

const skip = privateNetwork();

/** Collects when it is told to. */
class Reader extends MetricReader {
  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
}

interface Collected {
  scopes: string[];
  metrics: Map<string, MetricData>;
}

async function collect(reader: Reader): Promise<Collected> {
  const { resourceMetrics, errors }: CollectionResult = await reader.collect();
  assert.deepEqual(errors, []);
  const scopes = resourceMetrics.scopeMetrics;
  return {
    scopes: scopes.map(({ scope }) => `${scope.name} ${scope.version}`),
    metrics: new Map(scopes.flatMap(({ metrics }) => metrics.map((one) => [one.descriptor.name, one]))),
  };
}

/** The values of a metric with what they are of. */
function pointsOf({ metrics }: Collected, name: string): [attributes: object, value: unknown][] {
  const points = metrics.get(name)?.dataPoints ?? [];
  return points.map(({ attributes, value }) => [attributes, value]);
}

async function withMeter(
  use: (reader: Reader, options: OpenTelemetryOptions) => Promise<void>,
  temporality = AggregationTemporality.CUMULATIVE,
): Promise<void> {
  const reader = new Reader({ aggregationTemporalitySelector: () => temporality });
  const provider = new MeterProvider({ readers: [reader] });
  try {
    await use(reader, { meter: provider.getMeter('test') });
  } finally {
    await provider.shutdown();
  }
}

test(
  'without options: the meter is that of the registered provider, named listenq with the version',
  { skip },
  async () => {
    const reader = new Reader();
    const provider = new MeterProvider({ readers: [reader] });
    api.metrics.setGlobalMeterProvider(provider);
    const listener = listen({ host: HOST, backlog: 4 });
    const metrics = openTelemetryMetrics().add(listener, { name: 'web' });
    const collected = await collect(reader);
    const { version } = require(`${ROOT}/package.json`) as { version: string };
    assert.deepEqual(collected.scopes, [`listenq ${version}`]);
    assert.deepEqual(pointsOf(collected, 'listenq.queue.limit'), [[{ 'listenq.listener': 'web' }, 4]]);
    metrics.close();
    api.metrics.disable();
    await provider.shutdown();
    listener.close();
  },
);

test('each instrument has its kind and its unit', { skip }, async () => {
  await withMeter(async (reader, options) => {
    await withLoop({ host: HOST }, {}, async (loop) => {
      const metrics = openTelemetryMetrics(options).add(loop);
      const to = loop.listeners[0]?.address();
      assert.ok(to);
      const clients = beginConnects(to, 1);
      (await loop.accept()).close();
      const collected = [...(await collect(reader)).metrics.values()].map((metric) => {
        const { dataPointType, descriptor } = metric;
        const counts = dataPointType === DataPointType.SUM && metric.isMonotonic ? ', counts' : '';
        return `${descriptor.name} ${descriptor.unit} ${DataPointType[dataPointType]}${counts}`;
      });
      assert.deepEqual(collected.sort(), [
        'listenq.accepted {connection} SUM, counts',
        'listenq.event_loop.longest_pause s GAUGE',
        'listenq.failed {connection} SUM, counts',
        'listenq.namespace.listen_drops {packet} SUM, counts',
        'listenq.namespace.listen_overflows {packet} SUM, counts',
        'listenq.queue.drops {packet} SUM, counts',
        'listenq.queue.length {connection} SUM',
        'listenq.queue.limit {connection} SUM',
        'listenq.refused {connection} SUM, counts',
        'listenq.shortages {shortage} SUM, counts',
        'listenq.syn_queue.length {connection} SUM',
        'listenq.wait s HISTOGRAM',
        'listenq.waiting {connection} SUM',
      ]);
      metrics.close();
      closeAll(clients);
    });
  });
});

test(
  'a Listener: length, limit and drops as the kernel has them, at each collection anew',
  { skip },
  async () => {
    await withMeter(async (reader, options) => {
      const listener = listen({ host: HOST, backlog: 2 });
      const metrics = openTelemetryMetrics(options).add(listener, { name: 'web' });
      const web = { 'listenq.listener': 'web' };
      const clients: number[] = [];
      for (const count of [0, 3]) {
        clients.push(...beginConnects(listener.address(), count));
        const collected = await collect(reader);
        const { length, limit } = queueOfDescriptor(listener.fd);
        assert.deepEqual([length, limit], [count, 2]);
        assert.deepEqual(pointsOf(collected, 'listenq.queue.length'), [[web, length]]);
        assert.deepEqual(pointsOf(collected, 'listenq.queue.limit'), [[web, limit]]);
        assert.deepEqual(pointsOf(collected, 'listenq.syn_queue.length'), [
          [web, queueOf(listener).synLength],
        ]);
      }
      metrics.close();
      closeAll([...clients, listener]);
    });
  },
);

test('a loop: refusals by cause, and each wait in a histogram of seconds', { skip }, async () => {
  await withMeter(async (reader, options) => {
    await withLoop({ host: HOST, backlog: 20 }, { overload: 'close', maxWaiting: 2 }, async (loop) => {
      const metrics = openTelemetryMetrics(options).add(loop, { name: 'web' });
      const to = loop.listeners[0]?.address();
      assert.ok(to);
      const clients = beginConnects(to, 5);
      await until(() => loop.stats().accepted === 5, 'all are accepted');
      for (let i = 0; i < 2; i++) (await loop.accept()).close();
      const collected = await collect(reader);
      const web = { 'listenq.listener': 'web' };
      assert.deepEqual(pointsOf(collected, 'listenq.accepted'), [[web, 5]]);
      const refused = pointsOf(collected, 'listenq.refused');
      assert.deepEqual(refused, [
        [{ ...web, 'listenq.refusal.cause': 'max_wait' }, 0],
        [{ ...web, 'listenq.refusal.cause': 'max_waiting' }, 3],
        [{ ...web, 'listenq.refusal.cause': 'max_connections' }, 0],
        [{ ...web, 'listenq.refusal.cause': 'block_list' }, 0],
      ]);
      const [[attributes, value]] = pointsOf(collected, 'listenq.wait') as [[object, Histogram]];
      assert.deepEqual(attributes, web);
      assert.equal(value.count, 2);
      assert.ok((value.sum ?? Infinity) <= (2 * (loop.stats().longestWaitMs + 1)) / 1000);
      assert.deepEqual([value.buckets.boundaries[0], value.buckets.boundaries.at(-1)], [0.001, 10]);
      metrics.close();
      closeAll(clients);
    });
  });
});

test('one that is closed is observed no longer; after close() nothing is', { skip }, async () => {
  const use = async (reader: Reader, options: OpenTelemetryOptions): Promise<void> => {
    const [one, other] = [listen({ host: HOST }), listen({ host: HOST })];
    const metrics = openTelemetryMetrics(options).add(one, { name: 'one' }).add(other, { name: 'other' });
    assert.equal(pointsOf(await collect(reader), 'listenq.queue.limit').length, 2);
    one.close();
    assert.equal(pointsOf(await collect(reader), 'listenq.queue.limit').length, 1);
    metrics.close();
    assert.deepEqual((await collect(reader)).metrics, new Map());
    other.close();
  };
  // With cumulative temporality the SDK itself goes on to export what it heard last.
  await withMeter(use, AggregationTemporality.DELTA);
});
