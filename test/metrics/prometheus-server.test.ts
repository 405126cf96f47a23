import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as http from 'node:http';
import * as path from 'node:path';
import { test } from 'node:test';
import * as client from 'prom-client';
import { listen } from 'listenq';
import { anyOf, needsTool, privateNetwork, ROOT, temporaryFolder } from '../support/machine';
import { dropsOf } from '../support/queue';
import { beginConnects, closeAll, portOf } from '../support/sockets';
import { addressOf, answered, closed, HOST, started, withMetrics } from './support';

const skip = anyOf(needsTool('prometheus'), privateNetwork());

interface Alert {
  state: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

/** A Prometheus server of this network namespace, which scrapes `target` each second and has the rules as they are shipped. */
class Prometheus {
  readonly #child: ChildProcess;
  readonly #url: string;

  constructor(target: string, port: number) {
    const folder = temporaryFolder();
    const configuration = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [path.join(ROOT, 'docs', 'monitoring', 'listenq.rules.yml')],
      scrape_configs: [{ job_name: 'web', static_configs: [{ targets: [target] }] }],
    };
    const file = path.join(folder, 'prometheus.yml');
    // JSON is YAML.
    fs.writeFileSync(file, JSON.stringify(configuration));
    this.#url = `http://${HOST}:${port}/api/v1/`;
    const storage = `--storage.tsdb.path=${path.join(folder, 'data')}`;
    const options = [
      `--config.file=${file}`,
      storage,
      `--web.listen-address=${HOST}:${port}`,
      '--log.level=error',
    ];
    this.#child = spawn('prometheus', options, { stdio: ['ignore', 'ignore', 'inherit'] });
  }

  /** The `data` of an answer; undefined while the server is not there yet. */
  async ask(what: string): Promise<unknown> {
    assert.equal(this.#child.exitCode, null, 'prometheus has ended');
    try {
      const answer = await fetch(this.#url + what, { headers: { connection: 'close' } });
      return ((await answer.json()) as { data?: unknown }).data;
    } catch {
      return undefined;
    }
  }

  async alerts(): Promise<Alert[]> {
    return ((await this.ask('alerts')) as { alerts: Alert[] } | undefined)?.alerts ?? [];
  }

  /** The value of an expression that has one. */
  async value(expression: string): Promise<number | undefined> {
    const found = (await this.ask(`query?query=${encodeURIComponent(expression)}`)) as
      { result: { value: [number, string] }[] } | undefined;
    const value = found?.result[0]?.value[1];
    return value === undefined ? undefined : Number(value);
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }
}

/** A port that is free in this namespace, where nobody else looks for one. */
function freePort(): number {
  const listener = listen({ host: HOST });
  const port = portOf(listener.address());
  listener.close();
  return port;
}

test(
  'a real Prometheus scrapes the process; its alert fires once a SYN is dropped, and not before',
  { skip },
  async () => {
    const registry = new client.Registry();
    const page = http.createServer((_, response) => {
      void registry.metrics().then((text) => {
        response.setHeader('content-type', registry.contentType);
        response.end(text);
      });
    });
    await started(page);
    const { port } = addressOf(page) as { port: number };
    const watched = listen({ host: HOST, backlog: 1 });
    const clients: number[] = [];
    await withMetrics({ registry }, async (metrics) => {
      metrics.add(watched, { name: 'web' });
      const prometheus = new Prometheus(`${HOST}:${port}`, freePort());
      try {
        const sample = '{listener="web"}';
        const none = () => prometheus.value(`count_over_time(listenq_queue_drops_total${sample}[1m]) >= 2`);
        await answered(none, 'two scrapes');
        assert.equal(await prometheus.value(`listenq_queue_drops_total${sample}`), 0);
        assert.deepEqual(await prometheus.alerts(), []);

        clients.push(...beginConnects(watched.address(), 3));
        assert.ok(dropsOf(watched.fd) >= 1);
        const firing = async (): Promise<Alert | undefined> =>
          (await prometheus.alerts()).find(
            ({ state, labels }) => state === 'firing' && labels['alertname'] === 'ListenqDrops',
          );
        const { labels, annotations } = await answered(firing, 'ListenqDrops fires');
        assert.deepEqual(labels, {
          alertname: 'ListenqDrops',
          severity: 'critical',
          ...{ listener: 'web', job: 'web', instance: `${HOST}:${port}` },
        });
        assert.match(annotations['summary'] ?? '', /^web drops SYNs/);
        const drops = (await prometheus.value(`listenq_queue_drops_total${sample}`)) ?? 0;
        assert.ok(drops >= 1 && drops <= dropsOf(watched.fd), String(drops));
        assert.equal(await prometheus.value(`listenq_queue_length${sample}`), 2);
        assert.equal(await prometheus.value(`listenq_queue_limit${sample}`), 1);
      } finally {
        await prometheus.close();
      }
    });
    page.closeAllConnections();
    await closed(page);
    closeAll([...clients, watched]);
  },
);
