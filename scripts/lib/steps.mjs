// What a checkout needs before it can be used. Each step knows what it makes and what from, and does nothing if the one
// is newer than the other.
import { availableParallelism } from 'node:os';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hasTool, provideTools } from './tools.mjs';
import { dateProduct, inTree, isStale, modified, onLinux, run, runTool } from './tree.mjs';

export const say = (line) => process.stdout.write(`setup: ${line}\n`);

/** All in native/, but the one folder that the product isn't made from. */
const nativeWithout = (folder) =>
  readdirSync(inTree('native'))
    .filter((name) => name !== folder && name !== 'third_party')
    .map((name) => join('native', name));
const INSTALLED = 'node_modules/.package-lock.json';
const NATIVE_TESTS = 'build-native-tests';
/** node-gyp, make and cmake-js build one file at a time unless told. */
const JOBS = String(availableParallelism());

export const products = {
  addon: 'build/Release/listenq.node',
  cmakeAddon: 'build-cmake/build/Release/listenq.node',
  /** Where LISTENQ_PREBUILD has to point for node-gyp-build to load the one above. */
  cmakeBuild: 'build-cmake',
  nativeTests: NATIVE_TESTS,
  tests: 'dist-test',
};

/** Does the work if the product is stale, with a line that says how long it took. */
async function step(title, product, inputs, work) {
  if (!isStale(product, inputs)) return;
  const began = new Date();
  process.stdout.write(`setup: ${title} ... `);
  try {
    await work();
  } catch (error) {
    process.stdout.write('failed\n');
    throw error;
  }
  dateProduct(product, began);
  process.stdout.write(`${((Date.now() - began) / 1000).toFixed(1)} s\n`);
}

/**
 * npm ci, without the scripts: npm would run this package's own `install`, which builds the addon, and `nativeAddon` does
 * that with the headers at hand and on all cores. The development dependencies work without theirs.
 */
export async function dependencies() {
  const lock = modified(inTree('package-lock.json'));
  const installed = modified(inTree(INSTALLED));
  // npm install writes both files, in an order of its own and some milliseconds apart.
  if (installed !== undefined && lock <= installed + 5000) return;
  await step('npm ci', INSTALLED, ['package-lock.json'], () =>
    run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']),
  );
}

/** The headers that came with the running Node, so that node-gyp has nothing to download. */
function headersOfThisNode() {
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, 'include/node/config.gypi')) ? [`--nodedir=${prefix}`] : [];
}

export async function nativeAddon() {
  if (!onLinux) return;
  const inputs = [...nativeWithout('test'), 'binding.gyp'];
  if (isStale(products.addon, inputs)) await provideTools('build', say);
  await step('node-gyp build', products.addon, inputs, () =>
    runTool('node-gyp/bin/node-gyp.js', ['configure', 'build', `--jobs=${JOBS}`, ...headersOfThisNode()]),
  );
}

export async function typescript() {
  await step('tsc', 'dist/cli/vendor-licenses.txt', ['src', 'tsconfig.json', INSTALLED], async () => {
    await compile('tsconfig.json', { from: 'src', to: 'dist' });
    // npm marks a command as executable when it installs one; this is for running it from the checkout.
    chmodSync(inTree('dist/cli/main.js'), 0o755);
    await runTool('typescript/bin/tsc', ['-p', 'src/cli/browser']);
    const { bundle } = await import('./bundle.mjs');
    await bundle();
  });
}

export async function testTypescript() {
  const stamp = `${products.tests}/.compiled`;
  await step(
    'tsc of the tests',
    stamp,
    ['test', 'dist/cli/vendor-licenses.txt', 'tsconfig.json'],
    async () => {
      await compile('test/tsconfig.json', { from: 'test', to: products.tests });
      writeFileSync(inTree(stamp), '');
    },
  );
}

async function compile(project, { from, to }) {
  // By these notes of its last run, tsc takes what it wrote then to be there still, and does not write it again.
  rmSync(inTree(to, '.tsbuildinfo'), { force: true });
  await runTool('typescript/bin/tsc', ['-p', project]);
  removeOrphans(to, from);
}

/** What tsc makes of x.ts, x.mts and x.cts, and the letter of the three that comes before "ts". */
const MADE_BY_TSC = /(?:\.d\.([cm]?)ts|\.([cm]?)js)(?:\.map)?$/;

/** tsc leaves behind what it made of a source that is gone; an old test would go on being run. */
function removeOrphans(output, sources) {
  for (const file of readdirSync(inTree(output), { recursive: true })) {
    const source = file.replace(MADE_BY_TSC, (_, typed = '', plain = '') => `.${typed || plain}ts`);
    if (source !== file && !existsSync(inTree(sources, source))) rmSync(inTree(output, file));
  }
}

/** The addon by the other build system. clang-tidy reads the compile commands that it leaves. */
export async function cmakeAddon() {
  if (!onLinux || !hasTool('cmake')) return;
  await step('cmake-js compile', products.cmakeAddon, [...nativeWithout('test'), 'CMakeLists.txt'], () =>
    runTool('cmake-js/bin/cmake-js', [
      ...['compile', '-O', products.cmakeBuild, '--parallel', JOBS],
      '--CDCMAKE_EXPORT_COMPILE_COMMANDS=ON',
    ]),
  );
}

export async function nativeTests() {
  if (!onLinux || !hasTool('cmake') || !hasTool('doctest')) return;
  const stamp = `${NATIVE_TESTS}/.compiled`;
  await step(
    'cmake build of the native tests',
    stamp,
    [...nativeWithout('binding'), 'CMakeLists.txt'],
    async () => {
      mkdirSync(inTree(NATIVE_TESTS), { recursive: true });
      await run('cmake', ['-S', '.', '-B', NATIVE_TESTS, '-DLISTENQ_NATIVE_TESTS=ON']);
      await run('cmake', ['--build', NATIVE_TESTS, '--parallel', JOBS]);
      writeFileSync(inTree(stamp), '');
    },
  );
}
