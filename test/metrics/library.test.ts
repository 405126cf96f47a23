import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { ROOT, temporaryFolder } from '../support/machine';

const LIBRARIES = [
  { name: 'prom-client', call: 'prometheusMetrics', needed: '14.0', old: '13.2.0', option: 'client' },
  { name: '@opentelemetry/api', call: 'openTelemetryMetrics', needed: '1.3', old: '1.2.0', option: 'api' },
];

/** A user's project with this package as npm installs it, and what it needs itself; no metrics library. */
function project(): string {
  const folder = temporaryFolder();
  const installed = path.join(folder, 'node_modules', 'listenq');
  fs.mkdirSync(installed, { recursive: true });
  for (const part of ['dist', 'build', 'package.json'])
    fs.cpSync(path.join(ROOT, part), path.join(installed, part), { recursive: true, filter: notObjects });
  const finder = path.join('node_modules', 'node-gyp-build');
  fs.cpSync(path.join(ROOT, finder), path.join(folder, finder), { recursive: true });
  return folder;
}

/** Of a build the addon is all that is needed. */
function notObjects(file: string): boolean {
  return !file.includes('obj.target') && !file.includes(`${path.sep}.deps`);
}

/** Installs a library of which only the version matters. */
function pretend(folder: string, name: string, version: string): void {
  const place = path.join(folder, 'node_modules', name);
  fs.mkdirSync(place, { recursive: true });
  fs.writeFileSync(path.join(place, 'package.json'), JSON.stringify({ name, version, main: 'index.js' }));
  fs.writeFileSync(path.join(place, 'index.js'), 'throw new Error("was loaded");');
}

/** Runs a module there; what it prints is JSON. */
function run(folder: string, file: string, program: string): unknown {
  fs.writeFileSync(path.join(folder, file), program);
  const { stdout, stderr } = spawnSync(process.execPath, [file], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout);
}

const refusal = (call: string): string => `
  const metrics = require('listenq/metrics');
  try {
    metrics.${call}();
  } catch ({ code, message }) {
    console.log(JSON.stringify({ code, message }));
  }`;

const bare = project();

test('without the libraries the entry loads, by require and by import', () => {
  const names = LIBRARIES.map(({ call }) => call).sort();
  const required = `console.log(JSON.stringify(Object.keys(require('listenq/metrics')).sort()))`;
  const imported = `import * as metrics from 'listenq/metrics';
    console.log(JSON.stringify(Object.keys(metrics).filter((name) => /Metrics$/.test(name)).sort()))`;
  assert.deepEqual(run(bare, 'required.cjs', required), names);
  assert.deepEqual(run(bare, 'imported.mjs', imported), names);
});

for (const { name, call, needed, old, option } of LIBRARIES) {
  test(`${name} is not installed: ERR_METRICS_LIBRARY_MISSING says what to install`, () => {
    const { code, message } = run(bare, `${call}.cjs`, refusal(call)) as { code: string; message: string };
    assert.equal(code, 'ERR_METRICS_LIBRARY_MISSING');
    assert.match(message, new RegExp(`"npm install ${name}@\\d+".*options\\.${option}`));
  });

  test(`${name} ${old}: ERR_METRICS_LIBRARY_TOO_OLD says both versions, and it is not loaded`, () => {
    const folder = project();
    pretend(folder, name, old);
    const { code, message } = run(folder, 'main.cjs', refusal(call)) as { code: string; message: string };
    assert.equal(code, 'ERR_METRICS_LIBRARY_TOO_OLD');
    assert.ok(message.startsWith(`${name} ${old} is too old: ${needed} or later`), message);
  });
}

test("the program's own prom-client comes before the one beside the package", () => {
  const folder = project();
  pretend(path.join(folder, 'node_modules', 'listenq'), 'prom-client', '1.0.0');
  const own = path.join(folder, 'app', 'node_modules', 'prom-client');
  fs.mkdirSync(path.dirname(own), { recursive: true });
  fs.symlinkSync(path.join(ROOT, 'node_modules', 'prom-client'), own);
  const program = `
    const { register } = require('prom-client');
    const metrics = require('listenq/metrics').prometheusMetrics();
    console.log(JSON.stringify(register.getSingleMetric('listenq_waiting') !== undefined));
    metrics.close();`;
  assert.equal(run(folder, path.join('app', 'main.cjs'), program), true);
});

test('the types need neither library, nor skipLibCheck', () => {
  const folder = project();
  const source = `
    import { openTelemetryMetrics, prometheusMetrics, type Metrics } from 'listenq/metrics';
    const metrics: Metrics = prometheusMetrics({ prefix: 'web_' });
    metrics.close();
    openTelemetryMetrics({ synQueue: false }).close();
    // @ts-expect-error a prefix is a string
    prometheusMetrics({ prefix: 1 });`;
  compile(folder, source);
});

test("what the libraries' own types call a Registry, a client, a Meter and an API is taken", () => {
  const folder = project();
  for (const name of ['prom-client', '@opentelemetry'])
    fs.symlinkSync(path.join(ROOT, 'node_modules', name), path.join(folder, 'node_modules', name));
  const source = `
    import * as api from '@opentelemetry/api';
    import * as client from 'prom-client';
    import { openTelemetryMetrics, prometheusMetrics } from 'listenq/metrics';
    prometheusMetrics({ client, registry: new client.Registry() });
    prometheusMetrics({ registry: new client.Registry<client.OpenMetricsContentType>() });
    openTelemetryMetrics({ api });
    openTelemetryMetrics({ meter: api.metrics.getMeter('mine') });
    // @ts-expect-error a metric is no registry
    prometheusMetrics({ registry: new client.Gauge({ name: 'a', help: 'b' }) });`;
  compile(folder, source);
});

function compile(folder: string, source: string): void {
  fs.writeFileSync(path.join(folder, 'program.cts'), source);
  const modules = path.join(ROOT, 'node_modules');
  const types = [
    '--types',
    'node',
    '--typeRoots',
    path.join(modules, '@types'),
    '--lib',
    'es2023,esnext.disposable',
  ];
  const options = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--module', 'node16', ...types];
  const { status, stdout } = spawnSync(
    process.execPath,
    [path.join(modules, 'typescript', 'bin', 'tsc'), ...options, '--target', 'es2022', 'program.cts'],
    { cwd: folder, encoding: 'utf8', timeout: 120_000 },
  );
  assert.equal(status, 0, stdout);
}
