// Checks the form of everything: npm run lint. With --fix (npm run format) it runs those checks that can mend what they
// find. Names after that choose among the checks: npm run lint -- eslint clang-tidy.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import * as steps from './lib/steps.mjs';
import { hasTool, provideTools } from './lib/tools.mjs';
import { CommandFailed, giveUp, inTree, onCi, root, run, runTool } from './lib/tree.mjs';

const show = { show: true };
const sources = (folder) =>
  readdirSync(inTree(folder), { recursive: true })
    .filter((file) => /\.(cc|h)$/.test(file) && !file.startsWith('third_party'))
    .map((file) => join(folder, file));
const allCpp = () => ['native', 'bench'].filter((folder) => existsSync(inTree(folder))).flatMap(sources);

/** check and fix resolve where all is well and throw CommandFailed where not; needs: what must be there besides npm's. */
const CHECKS = {
  prettier: {
    check: () => runTool('prettier/bin/prettier.cjs', ['--check', '--log-level=warn', '.'], show),
    fix: () => runTool('prettier/bin/prettier.cjs', ['--write', '--log-level=warn', '.'], show),
  },
  eslint: {
    check: () => runTool('eslint/bin/eslint.js', ['--max-warnings=0', '.'], show),
    fix: () => runTool('eslint/bin/eslint.js', ['--max-warnings=0', '--fix', '.'], show),
  },
  'clang-format': {
    needs: ['clang-format'],
    check: () => run('clang-format', ['--dry-run', '-Werror', ...allCpp()], show),
    fix: () => run('clang-format', ['-i', ...allCpp()], show),
  },
  'clang-tidy': { needs: ['clang-tidy', 'cmake'], check: clangTidy },
  publint: { check: () => packed((file) => runTool('publint/src/cli.js', [file, '--strict'], show)) },
  attw: {
    // node16: older resolution knows no "exports", and the Nodes that had it are older than "engines" allows.
    check: () =>
      packed((file) =>
        runTool('@arethetypeswrong/cli/dist/index.js', [file, '--profile', 'node16', '--no-emoji'], show),
      ),
  },
};

/** One process for each file, a core each: it parses the whole of napi.h every time. */
async function clangTidy() {
  await steps.cmakeAddon();
  const waiting = readFileSync(inTree('native/sources.txt'), 'utf8').trim().split('\n');
  const failed = [];
  async function takeTurns() {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      if (!(await clangTidyAccepts(join('native', file)))) failed.push(file);
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, takeTurns));
  if (failed.length > 0) throw new CommandFailed('clang-tidy', failed, 'findings, shown above', '');
}

function clangTidyAccepts(file) {
  return new Promise((resolve, reject) => {
    const child = spawn('clang-tidy', ['--quiet', '-p', steps.products.cmakeBuild, file], {
      cwd: root,
      // Findings go to standard output; standard error holds no more than how many were suppressed.
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    child.stdout.on('data', (chunk) => process.stdout.write(chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve(code === 0));
  });
}

/** Looks at the tarball as it would be published, for the list of files in it is part of what's checked. */
async function packed(look) {
  const folder = mkdtempSync(join(tmpdir(), 'listenq-lint-'));
  try {
    await run('npm', ['pack', '--pack-destination', folder]);
    await look(join(folder, readdirSync(folder)[0]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** 'passed', 'failed', or what is missing. */
async function attempt(check, work) {
  const missing = (check.needs ?? []).filter((tool) => !hasTool(tool));
  if (missing.length > 0) return `skipped, missing: ${missing.join(', ')}`;
  try {
    await work();
    return 'passed';
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    process.stderr.write(`${error.output}\n`);
    return 'failed';
  }
}

async function lint() {
  const fixing = process.argv.includes('--fix');
  const named = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
  const unknown = named.filter((name) => !(name in CHECKS));
  if (unknown.length > 0) {
    process.stderr.write(
      `lint: no check ${unknown.join(', ')}; there are ${Object.keys(CHECKS).join(', ')}\n`,
    );
    return false;
  }
  await provideTools('lint', (line) => process.stdout.write(`lint: ${line}\n`));
  await steps.dependencies();
  // eslint reads types of the tests through the compiled package.
  await steps.typescript();

  const outcomes = [];
  for (const [name, check] of Object.entries(CHECKS)) {
    const work = fixing ? check.fix : check.check;
    if (work === undefined || (named.length > 0 && !named.includes(name))) continue;
    process.stdout.write(`\n== ${name}\n`);
    const outcome = await attempt(check, work);
    outcomes.push(outcome);
    process.stdout.write(`${name}: ${outcome}\n`);
  }
  // On a developer's machine a missing tool is no fault of the code; CI has to have them all.
  return outcomes.every((outcome) => outcome === 'passed' || (outcome !== 'failed' && !onCi));
}

const ok = await lint().catch((error) => giveUp('lint', error));
process.exitCode = ok ? 0 : 1;
