import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { before, describe, test } from 'node:test';
import * as client from 'prom-client';
import { acceptLoop } from 'listenq';
import { prometheusMetrics } from 'listenq/metrics';
import { needsTool, ROOT, temporaryFolder } from '../support/machine';
import { HOST } from './support';

const skip = needsTool('promtool');
const FOLDER = path.join(ROOT, 'docs', 'monitoring');
const RULES = path.join(FOLDER, 'listenq.rules.yml');
const METRIC = /\blistenq_\w+/g;

interface Dashboard {
  panels: { title: string; targets: { expr: string }[] }[];
  templating: { list: { name: string; definition?: string }[] };
}

const dashboard = JSON.parse(
  fs.readFileSync(path.join(FOLDER, 'grafana-dashboard.json'), 'utf8'),
) as Dashboard;

/** Runs promtool, which says what is wrong and ends with another status then. */
function promtool(args: string[], input = ''): void {
  const { status, stdout, stderr } = spawnSync('promtool', args, {
    input,
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(status, 0, stdout + stderr);
}

/** What Grafana would put for its variables. */
function filledIn(expr: string): string {
  return expr.replace('$__rate_interval', '1m').replace(/\$(job|instance|listener)/g, '.*');
}

describe('docs/monitoring', { skip }, () => {
  let exposition: string;
  let exposed: Set<string>;

  before(async () => {
    const registry = new client.Registry();
    const loop = acceptLoop({ host: HOST });
    const metrics = prometheusMetrics({ registry }).add(loop);
    exposition = await registry.metrics();
    exposed = new Set(exposition.match(/^listenq_\w+/gm));
    metrics.close();
    await loop.close();
  });

  /** Those names that nothing exposes. */
  const unknown = (text: string): string[] => (text.match(METRIC) ?? []).filter((name) => !exposed.has(name));

  test('promtool check metrics has nothing against what is exposed', () => {
    promtool(['check', 'metrics'], exposition);
  });

  test('the rules are valid, and their tests pass', () => {
    promtool(['check', 'rules', RULES]);
    promtool(['test', 'rules', path.join(FOLDER, 'listenq.rules.test.yml')]);
  });

  test('each alert has a severity, a summary, a description, and a test', () => {
    const rules = fs.readFileSync(RULES, 'utf8').split('- alert: ').slice(1);
    const tests = fs.readFileSync(path.join(FOLDER, 'listenq.rules.test.yml'), 'utf8');
    for (const rule of rules) {
      const [name = ''] = rule.split('\n');
      assert.match(rule, /severity: (warning|critical)\n[^]*summary: [^]*description: /, name);
      assert.ok(tests.includes(`alertname="${name}"`), name);
    }
    assert.equal(rules.length, 8);
  });

  test('the rules name no metric that is not exposed', () => {
    assert.deepEqual(unknown(fs.readFileSync(RULES, 'utf8').replace(/^.*summary|description.*$/gm, '')), []);
  });

  test('each expression of the dashboard is PromQL, of metrics that are exposed', () => {
    const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => filledIn(expr)));
    const rules = expressions.map((expr, i) => ({ record: `dashboard:${i}`, expr }));
    const file = path.join(temporaryFolder(), 'dashboard.rules.yml');
    // JSON is YAML.
    fs.writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    promtool(['check', 'rules', file]);
    assert.deepEqual(unknown(expressions.join('\n')), []);
    assert.ok(expressions.length >= dashboard.panels.length);
  });

  test('what the variables of the dashboard are filled from is exposed', () => {
    const queries = dashboard.templating.list.flatMap(({ definition }) => definition ?? []);
    assert.equal(queries.length, 3);
    assert.deepEqual(unknown(queries.join('\n')), []);
  });

  test('each metric stands in the guide, and each that the guide names is exposed', () => {
    const guide = fs.readFileSync(path.join(FOLDER, 'README.md'), 'utf8');
    const metrics: string[] = exposition.match(/(?<=^# TYPE )\w+/gm) ?? [];
    assert.deepEqual(
      metrics.filter((name) => !guide.includes(`\`${name}\``)),
      [],
    );
    assert.deepEqual(
      unknown(guide).filter((name) => !metrics.includes(name)),
      // The attributes of OpenTelemetry, as Prometheus would call them.
      ['listenq_listener', 'listenq_refusal_cause'],
    );
  });
});
