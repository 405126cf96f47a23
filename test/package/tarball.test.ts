import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { before, describe, test } from 'node:test';
import { anyOf, needsTool, ROOT, type Skip } from '../support/machine';
import {
  copyOfCheckout,
  entries,
  environmentWithoutCompilers,
  filesIn,
  install,
  pack,
  readManifest,
  runIn,
  userEnvironment,
  type Installation,
} from './installation';

const onLinux: Skip = process.platform === 'linux' ? false : 'needs Linux';
const skip = anyOf(onLinux, needsTool('g++'), needsTool('make'), needsTool('python3'), needsTool('tar'));

/** A server and its client, and the queue that the kernel really made. */
const EXCHANGE = `
  const listener = listen({ port: 0, host: '127.0.0.1', backlog: 3 });
  const { port } = listener.address();
  const { limit } = listener.queue();
  const client = connect({ port, host: '127.0.0.1' });
  const served = listener.accept();
  served.sendAll('over the wire');
  served.close();
  const heard = client.recv(100).toString();
  const ended = client.recv(100).length;
  client.close();
  listener.close();
`;
const EXPECTED = { limit: 3, heard: 'over the wire', ended: 0 };

const ARCHITECTURE = `${process.platform}-${process.arch}`;
const PREBUILD = new RegExp(`^prebuilds/${ARCHITECTURE}/listenq\\.(glibc|musl)\\.node$`);

describe('package', { skip }, () => {
  let checkout: string;
  let tarball: string;
  let bare: NodeJS.ProcessEnv;
  let user: Installation;

  before(() => {
    checkout = copyOfCheckout();
    runIn(checkout, 'npm', ['run', 'prebuild'], userEnvironment());
    tarball = pack(checkout);
    bare = environmentWithoutCompilers();
    user = install(tarball, ['--ignore-scripts'], bare);
  });

  test('npm run prebuild leaves one addon, with its libc in the name, and no build folder', () => {
    const made = fs.readdirSync(path.join(checkout, 'prebuilds', ARCHITECTURE));
    assert.equal(made.length, 1);
    assert.match(`prebuilds/${ARCHITECTURE}/${made[0] ?? ''}`, PREBUILD);
    assert.ok(!fs.existsSync(path.join(checkout, 'build')));
  });

  test('the tarball holds what an installed package needs', () => {
    const files = new Set(filesIn(tarball));
    const sources = fs
      .readFileSync(path.join(ROOT, 'native', 'sources.txt'), 'utf8')
      .trim()
      .split('\n');
    const needed = [
      ...['package.json', 'README.md', 'LICENSE', 'binding.gyp', 'native/sources.txt'],
      ...['dist/index.js', 'dist/index.d.ts', 'dist/cli/main.js', 'dist/cli/vendor-licenses.txt'],
      ...['watch.js', 'watch.css', 'report.js', 'report.css'].map((file) => `dist/cli/browser/${file}`),
      ...['napi.h', 'napi-inl.h', 'LICENSE.md'].map((file) => `native/third_party/node-addon-api/${file}`),
      ...sources.map((source) => `native/${source}`),
    ];
    assert.deepEqual(
      needed.filter((file) => !files.has(file)),
      [],
    );
    assert.equal([...files].filter((file) => PREBUILD.test(file)).length, 1);
  });

  test('the tarball holds no tests, no sources of dist, and nothing that a build left', () => {
    // Of bench/ the reports, which the guides link to; of what tests the alerts, what promtool reads.
    const outOfPlace =
      /(^|\/)tests?\/|[._]test\.(?!yml$)|^bench\/(?!.*\.md$)|^(src|scripts|build)\/|tsbuildinfo|\.(o|tgz)$/;
    assert.deepEqual(
      filesIn(tarball).filter((file) => outOfPlace.test(file)),
      [],
    );
  });

  test('node-gyp-build is all that is installed with it', () => {
    assert.deepEqual(user.packages, [readManifest().name, 'node-gyp-build']);
  });

  test('without compilers and without scripts: the prebuild is what loads', () => {
    assert.match(user.addon(), PREBUILD);
  });

  test('require: a server and its client', () => {
    const printed = user.program(
      'exchange.cjs',
      `const { listen, connect } = require('listenq'); ${EXCHANGE} console.log(JSON.stringify({ limit, heard, ended }));`,
    );
    assert.deepEqual(JSON.parse(printed), EXPECTED);
  });

  test('import: a server and its client', () => {
    const printed = user.program(
      'exchange.mjs',
      `import { listen, connect } from 'listenq'; ${EXCHANGE} console.log(JSON.stringify({ limit, heard, ended }));`,
    );
    assert.deepEqual(JSON.parse(printed), EXPECTED);
  });

  test('in a worker: a server and its client', () => {
    const printed = user.program(
      'exchange-in-worker.cjs',
      `const { Worker, isMainThread, parentPort } = require('node:worker_threads');
      const { listen, connect } = require('listenq');
      if (isMainThread) {
        new Worker(__filename).once('message', (result) => console.log(JSON.stringify(result)));
      } else {
        ${EXCHANGE}
        parentPort.postMessage({ limit, heard, ended });
      }`,
    );
    assert.deepEqual(JSON.parse(printed), EXPECTED);
  });

  for (const entry of entries()) {
    test(`${entry}: import sees each name that require sees`, () => {
      const printed = user.program(
        'names.mjs',
        `import { createRequire } from 'node:module';
        import * as imported from '${entry}';
        const required = Object.keys(createRequire(import.meta.url)('${entry}'));
        console.log(JSON.stringify([required.length, required.filter((name) => !(name in imported))]));`,
      );
      const [count, missing] = JSON.parse(printed) as [number, string[]];
      assert.ok(count > 0);
      assert.deepEqual(missing, []);
    });
  }

  for (const extension of ['cts', 'mts']) {
    test(`types: a program in .${extension} compiles against them, strictly`, () => {
      const imports = entries().map((entry, index) => `import * as entry${index} from '${entry}';`);
      const uses = entries().map((_, index) => `void entry${index};`);
      const source = `
        import { connect, listen, type Connection, type Listener } from 'listenq';
        ${imports.join('\n')}
        ${uses.join('\n')}
        const listener: Listener = listen({ port: 0, backlog: 3 });
        const limit: number = listener.queue().limit;
        const accepted: Connection | null = listener.tryAccept();
        // @ts-expect-error a backlog is a number
        listen({ port: 0, backlog: '3' });
        connect({ port: limit, host: '127.0.0.1' }).close();
        accepted?.close();`;
      const file = `program.${extension}`;
      fs.writeFileSync(path.join(user.folder, file), source);
      const tsc = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
      const types = path.join(ROOT, 'node_modules', '@types');
      const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'node16', '--types', 'node'];
      runIn(user.folder, 'node', [tsc, ...options, '--typeRoots', types, file], bare);
    });
  }

  test('npx listenq --version', () => {
    const printed = runIn(user.folder, 'npx', ['--offline', 'listenq', '--version'], bare);
    assert.equal(printed.trim(), readManifest().version);
  });

  test('without a prebuild: the install script compiles the addon', () => {
    fs.rmSync(path.join(checkout, 'prebuilds', ARCHITECTURE), { recursive: true });
    const withoutPrebuild = pack(checkout);
    assert.deepEqual(
      filesIn(withoutPrebuild).filter((file) => file.endsWith('.node')),
      [],
    );
    const compiled = install(withoutPrebuild, [], userEnvironment());
    assert.equal(compiled.addon(), 'build/Release/listenq.node');
    assert.deepEqual(compiled.packages, [readManifest().name, 'node-gyp-build']);
    const printed = compiled.program(
      'exchange.cjs',
      `const { listen, connect } = require('listenq'); ${EXCHANGE} console.log(JSON.stringify({ limit, heard, ended }));`,
    );
    assert.deepEqual(JSON.parse(printed), EXPECTED);
  });
});
