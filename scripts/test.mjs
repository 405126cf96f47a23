// Runs everything: the native tests, then the JavaScript tests once on each of the two builds of the addon.
//
//   npm test                  all of it
//   npm test -- kernel/queue  the test files with that in their path; where no file has it, the tests with it in their name
//
// Ends with what was skipped and why, and a last line `N passed, N failed, N skipped`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, relative } from 'node:path';
import { products } from './lib/steps.mjs';
import { hasTool } from './lib/tools.mjs';
import { inTree, onCi, onLinux, root, searchPath } from './lib/tree.mjs';

/**
 * Where CI is set, a skipped test is a failure, lest a machine without the right tools pass for one on which all is well.
 * A test may be skipped there only for a reason that one of these expressions matches, each with a comment that says why.
 */
const SKIPS_ALLOWED_ON_CI = [];

/** At once. The tests watch clocks and kernel queues, which a crowded machine disturbs. */
const FILES_AT_ONCE = 2;
/** A ceiling for each file, so that a wait without an end fails by name. Compiling the package from source is inside it. */
const FILE_TIMEOUT_MS = 10 * 60_000;
const NATIVE_TEST_TIMEOUT_S = 120;

/** What node --test calls a test that the pattern on the command line leaves out. */
const LEFT_OUT = 'test name does not match pattern';

const pattern = process.argv[2];
const scratch = mkdtempSync(join(tmpdir(), 'listenq-test-'));
const results = [];

const heading = (text) => process.stdout.write(`\n== ${text}\n\n`);

function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: searchPath.join(delimiter), ...env },
  });
  if (error) process.stderr.write(`${command}: ${error.message}\n`);
  return status === 0;
}

/** Keeps one run's numbers. A runner that fails without naming a test, by crashing say, counts as one failure. */
function record(ok, { passed = 0, failed = 0, skipped = [], crashed = [] }) {
  results.push({ passed, failed: ok ? failed : Math.max(failed, 1), skipped, crashed });
}

/** A whole run that cannot happen here is one skipped test under the run's name. */
function recordSkippedRun(name, reason) {
  heading(`${name}: skipped, ${reason}`);
  record(true, { skipped: [{ test: name, reason }] });
}

function nativeTests() {
  const name = 'native tests (ctest)';
  const reason = whyNot(['cmake', 'doctest']);
  if (reason !== undefined) return recordSkippedRun(name, reason);
  heading(name);
  const report = join(scratch, 'ctest.xml');
  const ok = run('ctest', [
    ...['--test-dir', products.nativeTests, '--output-on-failure', '--output-junit', report],
    ...['--timeout', String(NATIVE_TEST_TIMEOUT_S)],
    ...(pattern === undefined ? [] : ['--tests-regex', pattern]),
  ]);
  record(ok, readCtest(report));
}

/** Why a run cannot happen here: not Linux, or a tool without which its product cannot be built; else undefined. */
function whyNot(tools) {
  if (!onLinux) return 'needs Linux';
  const missing = tools.filter((tool) => !hasTool(tool));
  return missing.length === 0 ? undefined : `needs ${missing.join(' and ')}, which is not installed`;
}

function readCtest(report) {
  const xml = existsSync(report) ? readFileSync(report, 'utf8') : '';
  const cases = [
    ...xml.matchAll(/<testcase name="([^"]*)"[^>]*status="([^"]*)"[^>]*?(?:\/>|>(.*?)<\/testcase>)/gs),
  ];
  const withStatus = (...wanted) => cases.filter(([, , status]) => wanted.includes(status));
  return {
    passed: withStatus('run').length,
    failed: withStatus('fail').length,
    skipped: withStatus('notrun', 'disabled').map(([, name, , body = '']) => {
      const test = unescapeXml(name);
      return { test, reason: skipReason(test, unescapeXml(body)) };
    }),
  };
}

/** native/test/support/skip.h has the test say why, after its own name. */
function skipReason(test, output) {
  const intro = `[skipped] ${test}: `;
  const line = output.split('\n').find((one) => one.startsWith(intro));
  return line?.slice(intro.length) ?? 'no reason given';
}

function unescapeXml(text) {
  const characters = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name) => characters[name]);
}

function javascriptTests(name, { addon, prebuild, tools, files, namePattern }) {
  const reason = whyNot(tools);
  if (reason !== undefined) return recordSkippedRun(name, reason);
  const env = { LISTENQ_PREBUILD: prebuild === undefined ? '' : inTree(prebuild) };
  const loaded = addonThatLoads(env);
  if (loaded === addon) return runJavascript(name, { files, namePattern, env });
  heading(`${name}: node-gyp-build would load ${loaded || 'nothing'} instead of ${addon}`);
  record(false, { failed: 1 });
}

/** Asks node-gyp-build itself: a run that tests the other build a second time would look just as green. */
function addonThatLoads(env) {
  const ask = `process.stdout.write(require('node-gyp-build').path(${JSON.stringify(root)}))`;
  const { stdout } = spawnSync(process.execPath, ['-e', ask], { cwd: root, env: { ...process.env, ...env } });
  return relative(root, stdout.toString());
}

function runJavascript(name, { files, namePattern, env }) {
  heading(name);
  const report = join(scratch, `node-${results.length}.jsonl`);
  const ok = run(
    process.execPath,
    [
      ...['--test', `--test-concurrency=${FILES_AT_ONCE}`, `--test-timeout=${FILE_TIMEOUT_MS}`],
      ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
      ...['--test-reporter=./scripts/lib/results-reporter.mjs', `--test-reporter-destination=${report}`],
      ...(namePattern === undefined ? [] : [`--test-name-pattern=${namePattern}`]),
      ...files,
    ],
    env,
  );
  record(ok, readNode(report));
}

function readNode(report) {
  const lines = existsSync(report) ? readFileSync(report, 'utf8').split('\n').filter(Boolean) : [];
  const entries = lines.map((line) => JSON.parse(line));
  const total = (name) => entries.find((entry) => entry.total === name)?.count ?? 0;
  return {
    passed: total('pass'),
    failed: total('fail') + total('cancelled'),
    crashed: entries
      .filter((entry) => entry.ended !== undefined)
      .map(({ file, ended }) => `${relative(inTree(products.tests), file)}: ${ended}`),
    skipped: entries
      .filter((entry) => entry.test !== undefined && entry.reason !== LEFT_OUT)
      .map(({ file, test, reason }) => ({
        test: `${relative(inTree(products.tests), file)}: ${test}`,
        reason,
      })),
  };
}

function testFiles() {
  return readdirSync(inTree(products.tests), { recursive: true })
    .filter((file) => file.endsWith('.test.js') && !file.includes('node_modules'))
    .map((file) => join(products.tests, file))
    .sort();
}

/** What the pattern chooses: files if it is in the path of any, else tests of all files by name. */
function choose(files) {
  if (pattern === undefined) return { files };
  const chosen = files.filter((file) => file.includes(pattern));
  return chosen.length > 0 ? { files: chosen } : { files, namePattern: pattern };
}

function allTests() {
  nativeTests();
  const { files, namePattern } = choose(testFiles());
  const onGyp = 'JavaScript tests on the addon that node-gyp built';
  // Without an addon there is still what the package does where it has none.
  if (!onLinux) return runJavascript(onGyp, { files, namePattern, env: {} });
  javascriptTests(onGyp, { addon: products.addon, tools: [], files, namePattern });
  // The package tests build and install addons of their own, so another build of this one would tell nothing new.
  const again = files.filter((file) => !file.startsWith(join(products.tests, 'package')));
  if (again.length === 0) return;
  javascriptTests('JavaScript tests on the addon that cmake-js built', {
    addon: products.cmakeAddon,
    prebuild: products.cmakeBuild,
    tools: ['cmake'],
    files: again,
    namePattern,
  });
}

/** Says what was skipped and counts it all up; true if nothing stands against it. */
function conclude() {
  const sum = (of) => results.reduce((total, result) => total + of(result), 0);
  const skipped = results.flatMap((result) => result.skipped);
  const passed = sum((result) => result.passed);
  const failed = sum((result) => result.failed);
  const refused = onCi
    ? skipped.filter(({ reason }) => !SKIPS_ALLOWED_ON_CI.some((one) => one.test(reason)))
    : [];

  process.stdout.write('\n');
  for (const crash of results.flatMap((result) => result.crashed)) process.stdout.write(`failed: ${crash}\n`);
  for (const reason of new Set(skipped.map((one) => one.reason))) {
    process.stdout.write(`skipped: ${reason}\n`);
    for (const { test } of skipped.filter((one) => one.reason === reason))
      process.stdout.write(`  ${test}\n`);
  }
  if (refused.length > 0) {
    process.stdout.write(`CI is set, and of the skipped tests ${refused.length} may not be skipped there\n`);
  }
  const nothing = passed + failed === 0 ? (pattern ?? 'anything') : undefined;
  if (nothing !== undefined) process.stdout.write(`no test ran for ${nothing}\n`);
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped.length} skipped\n`);
  return failed === 0 && refused.length === 0 && nothing === undefined;
}

try {
  allTests();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exitCode = conclude() ? 0 : 1;
