import assert from 'node:assert/strict';
import { once } from 'node:events';
import type * as net from 'node:net';
import * as client from 'prom-client';
import type { Address } from 'listenq';
import { prometheusMetrics, type Metrics, type PrometheusOptions } from 'listenq/metrics';
import { sleep } from '../accept-loop/support';

export const HOST = '127.0.0.1';

/** What a registry exposes: the samples by name and labels, as they are written. */
export async function scrape(registry: client.Registry): Promise<Map<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}

/** Metrics in a registry of their own, closed whatever happens. */
export async function withMetrics(
  options: PrometheusOptions,
  use: (metrics: Metrics, registry: client.Registry) => void | Promise<void>,
): Promise<void> {
  const registry = new client.Registry();
  const metrics = prometheusMetrics({ registry, ...options });
  try {
    await use(metrics, registry);
  } finally {
    metrics.close();
  }
}

/** Has a server listen on a port of its own. */
export async function started<S extends net.Server>(server: S, backlog = 511): Promise<S> {
  server.listen({ host: HOST, port: 0, backlog });
  await once(server, 'listening');
  return server;
}

export async function closed(server: net.Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

export function addressOf(server: net.Server): Address {
  return { family: 'IPv4', address: HOST, port: (server.address() as net.AddressInfo).port };
}

/** Asks until there is an answer, and fails by name if there never is one. */
export async function answered<T>(ask: () => Promise<T | undefined>, what: string): Promise<T> {
  const end = performance.now() + 60_000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    assert.ok(performance.now() < end, `it never came to this: ${what}`);
    await sleep(100);
  }
}
