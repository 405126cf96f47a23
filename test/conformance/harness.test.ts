import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { test } from 'node:test';
import * as sys from 'listenq/syscalls';
import { FACTS, GROUPS } from '../../dist/cli/conformance/catalogue';
import type { Fact } from '../../dist/cli/conformance/fact';
import { CannotRun } from '../../dist/cli/conformance/fact';
import { runFact } from '../../dist/cli/conformance/run-fact';
import type { Scope } from '../../dist/cli/conformance/scope';
import { openDescriptors, needsRoot } from '../support/machine';

function fact(run: Fact['run'], rest: Partial<Fact> = {}): Fact {
  return { id: '0', group: 'none', title: 'a fact', expected: 'EBADF', run, ...rest };
}

test('runFact: what was expected and observed holds', async () => {
  const verdict = await runFact(
    fact(() => 'EBADF'),
    'private',
  );
  assert.deepEqual(verdict, { verdict: 'holds', observed: 'EBADF' });
});

test('runFact: anything else differs, and is shown', async () => {
  const verdict = await runFact(
    fact(() => 'ok'),
    'private',
  );
  assert.deepEqual(verdict, { verdict: 'differs', observed: 'ok' });
});

test('runFact: a fact that throws differs, and its descriptors are closed', async () => {
  const before = openDescriptors();
  const verdict = await runFact(
    fact((s: Scope) => {
      s.socket(sys.AF_INET, sys.SOCK_STREAM);
      throw new Error('half way');
    }),
    'private',
  );
  assert.deepEqual(verdict, { verdict: 'differs', observed: 'half way' });
  assert.deepEqual(openDescriptors(), before);
});

test('runFact: a missing private network skips by name', async () => {
  const needy = fact(() => assert.fail('must not run'), { needs: ['private network'] });
  assert.deepEqual(await runFact(needy, { reason: 'unshare EPERM' }), {
    verdict: 'skipped',
    reason: 'needs a private network: unshare EPERM',
  });
});

test('runFact: what is missing only at run time skips by name', async () => {
  const verdict = await runFact(
    fact(() => {
      throw new CannotRun('this kernel is built without it');
    }),
    'private',
  );
  assert.deepEqual(verdict, { verdict: 'skipped', reason: 'this kernel is built without it' });
});

test('runFact: a fact that needs root is skipped for another user', { skip: needsRoot() }, async () => {
  const needy = fact(() => 'EBADF', { needs: ['root'] });
  process.seteuid?.(65534);
  try {
    assert.deepEqual(await runFact(needy, 'private'), {
      verdict: 'skipped',
      reason: 'needs root: this is user 65534',
    });
  } finally {
    process.seteuid?.(0);
  }
  assert.equal((await runFact(needy, 'private')).verdict, 'holds');
});

test('Scope: undoes in reverse: limit, file, folder, descriptor', async () => {
  const before = { descriptors: openDescriptors(), limit: sys.getrlimit(sys.RLIMIT_NOFILE) };
  let folder = '';
  await runFact(
    fact((s: Scope) => {
      folder = s.path('.');
      fs.writeFileSync(s.path('file'), 'text');
      s.openFile(s.path('file'));
      s.limitDescriptors(64);
      return String(sys.getrlimit(sys.RLIMIT_NOFILE).soft);
    }),
    'private',
  );
  assert.equal(fs.existsSync(folder), false);
  assert.deepEqual({ descriptors: openDescriptors(), limit: sys.getrlimit(sys.RLIMIT_NOFILE) }, before);
});

test('catalogue: no two facts have the same row and title, and each group has facts', () => {
  const names = FACTS.map(({ id, title }) => `${title} [${id}]`);
  assert.equal(new Set(names).size, names.length);
  assert.ok(GROUPS.length > 10);
  assert.ok(FACTS.every(({ title }) => title !== ''));
});
