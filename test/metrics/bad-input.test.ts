import assert from 'node:assert/strict';
import * as http from 'node:http';
import { test } from 'node:test';
import { inspect } from 'node:util';
import * as api from '@opentelemetry/api';
import * as client from 'prom-client';
import { acceptLoop, listen } from 'listenq';
import { openTelemetryMetrics, prometheusMetrics } from 'listenq/metrics';
import { attach } from 'listenq/server';
import { privateNetwork } from '../support/machine';
import { closed, HOST, started, withMetrics } from './support';

const skip = privateNetwork();

const VALUE = 'ERR_INVALID_ARG_VALUE';
const TYPE = 'ERR_INVALID_ARG_TYPE';

for (const [options, code, message] of [
  [null, TYPE, /options/],
  ['listenq_', TYPE, /options/],
  [{ prefx: 'a_' }, VALUE, /options\.prefx is not an option of this call/],
  [{ meter: {} }, VALUE, /options\.meter is not an option of this call/],
  [{ prefix: 1 }, TYPE, /options\.prefix/],
  [{ prefix: null }, TYPE, /options\.prefix/],
  [{ client: null }, TYPE, /options\.client/],
  [{ prefix: '1_' }, VALUE, /options\.prefix/],
  [{ prefix: 'a-b_' }, VALUE, /options\.prefix/],
  [{ synQueue: 'no' }, TYPE, /options\.synQueue/],
  [{ registry: 1 }, TYPE, /options\.registry/],
  [{ registry: {} }, VALUE, /options\.registry must be a Registry of prom-client: it has no registerMetric/],
  [{ registry: client }, VALUE, /options\.registry/],
  [{ client: 'prom-client' }, TYPE, /options\.client/],
  [{ client: client.register }, VALUE, /options\.client must be the module prom-client: it has no Counter/],
] as const) {
  test(`prometheusMetrics: ${inspect(options, { depth: 0 })} is refused with ${code}, and registers nothing`, () => {
    assert.throws(() => prometheusMetrics(options as never), { code, message });
    assert.deepEqual(client.register.getMetricsAsArray(), []);
  });
}

for (const [options, code, message] of [
  [null, TYPE, /options/],
  [{ registry: client.register }, VALUE, /options\.registry is not an option of this call/],
  [{ synQueue: 0 }, TYPE, /options\.synQueue/],
  [{ synQueue: null }, TYPE, /options\.synQueue/],
  [{ meter: 'listenq' }, TYPE, /options\.meter/],
  [{ meter: api.metrics }, VALUE, /options\.meter must be a Meter of @opentelemetry\/api/],
  [{ api: {} }, TYPE, /options\.api\.metrics must be .* 1\.3 or later/],
  [{ api: { metrics: {} } }, VALUE, /options\.api\.metrics/],
] as const) {
  test(`openTelemetryMetrics: ${inspect(options, { depth: 0 })} is refused with ${code}`, () => {
    assert.throws(() => openTelemetryMetrics(options as never), { code, message });
  });
}

test('a registry that has one of the names: ERR_METRICS_NAMES_TAKEN names it; nothing is registered', () => {
  const registry = new client.Registry();
  const held = new client.Gauge({ name: 'listenq_waiting', help: 'of another', registers: [registry] });
  assert.throws(() => prometheusMetrics({ registry }), {
    code: 'ERR_METRICS_NAMES_TAKEN',
    message: /has listenq_waiting already\. .*options\.prefix or options\.registry/,
  });
  assert.deepEqual(registry.getMetricsAsArray(), [held]);
  const other = prometheusMetrics({ registry, prefix: 'mine_' });
  assert.ok(registry.getSingleMetric('mine_waiting'));
  assert.throws(() => prometheusMetrics({ registry, prefix: 'mine_' }), { code: 'ERR_METRICS_NAMES_TAKEN' });
  other.close();
  assert.deepEqual(registry.getMetricsAsArray(), [held]);
});

for (const [source, options, code] of [
  [undefined, {}, TYPE],
  [3, {}, TYPE],
  [{}, {}, TYPE],
  ['listener', null, TYPE],
  ['listener', 'web', TYPE],
  ['listener', { nam: 'web' }, VALUE],
  ['listener', { name: 1 }, TYPE],
  ['listener', { name: '' }, VALUE],
  ['listener', { name: 'a\0b' }, VALUE],
] as const) {
  test(`add(${inspect(source)}, ${inspect(options)}) is refused with ${code}`, { skip }, async () => {
    const listener = listen({ host: HOST });
    await withMetrics({}, (metrics) => {
      const given = source === 'listener' ? listener : source;
      assert.throws(() => metrics.add(given as never, options as never), { code });
      metrics.add(listener);
    });
    listener.close();
  });
}

test(
  'add: what is closed, or does not listen yet, is refused with the code of its kind',
  { skip },
  async () => {
    const listener = listen({ host: HOST });
    listener.close();
    const loop = acceptLoop({ host: HOST });
    await loop.close();
    const server = await started(http.createServer());
    await closed(server);
    await withMetrics({}, (metrics) => {
      assert.throws(() => metrics.add(listener), { code: 'ERR_LISTENER_CLOSED', message: /^add: / });
      assert.throws(() => metrics.add(loop), { code: 'ERR_LISTENER_CLOSED', message: /^add: / });
      assert.throws(() => metrics.add(server), { code: 'ERR_SERVER_NOT_RUNNING', message: /^add: / });
      assert.throws(() => metrics.add(http.createServer()), { code: 'ERR_SERVER_NOT_RUNNING' });
    });
  },
);

test(
  'add: the same source again, by itself or by its loop or server, is refused, and says as what it is watched',
  { skip },
  async () => {
    const listener = listen({ host: HOST });
    const loop = acceptLoop(listener);
    const server = await started(attach(http.createServer()));
    await withMetrics({}, (metrics) => {
      metrics.add(listener, { name: 'one' });
      for (const again of [listener, loop]) {
        assert.throws(() => metrics.add(again, { name: 'two' }), {
          code: VALUE,
          message: /already, as 'one'/,
        });
      }
      assert.equal(metrics.remove(listener), true);
      metrics.add(loop, { name: 'two' });
      assert.throws(() => metrics.add(listener), { code: VALUE, message: /already, as 'two'/ });
      metrics.add(server, { name: 'web' });
      assert.throws(() => metrics.add(server), { code: VALUE, message: /already, as 'web'/ });
    });
    await loop.close();
    await closed(server);
  },
);

test(
  'add: a name that another source has is refused, and free again once that one is closed',
  { skip },
  async () => {
    const [first, second] = [listen({ host: HOST, reusePort: true }), listen({ host: HOST })];
    const { port } = first.address() as { port: number };
    const twin = listen({ host: HOST, port, reusePort: true });
    await withMetrics({}, (metrics) => {
      metrics.add(first);
      assert.throws(() => metrics.add(second, { name: `${HOST}:${port}` }), {
        code: VALUE,
        message: /options\.name/,
      });
      assert.throws(() => metrics.add(twin), {
        code: VALUE,
        message: /options\.name must be one that no other source has/,
      });
      metrics.add(twin, { name: 'twin' });
      first.close();
      metrics.add(second, { name: `${HOST}:${port}` });
    });
    second.close();
    twin.close();
  },
);
