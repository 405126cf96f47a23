import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { test } from 'node:test';
// The facts belong to the command line and are no public entry of the package.
import { factsOf } from '../../dist/cli/conformance/catalogue';
import { whyNot } from '../../dist/cli/conformance/needs';
import { runFact } from '../../dist/cli/conformance/run-fact';
import type { Skip } from '../support/machine';

/**
 * Makes a test of each fact of a group. Slow ones too: they wait for the kernel, not for the processor.
 *
 * @param network what `privateNetwork()` said at the top of the test file
 */
export function testFacts(group: string, network: Skip): void {
  const facts = factsOf(group);
  assert.notEqual(facts.length, 0, `there is no group ${group}`);
  const place = network === false ? 'private' : { reason: network };
  for (const fact of facts) {
    test(
      `${fact.title}: ${fact.expected} [${fact.id}]`,
      { skip: whyNot(fact, place) ?? false },
      async (t) => {
        const before = socketsAndFiles();
        const verdict = await runFact(fact, place);
        if (verdict.verdict === 'skipped') {
          t.skip(verdict.reason);
          return;
        }
        assert.equal(verdict.observed, fact.expected);
        assert.equal(verdict.verdict, 'holds');
        assert.deepEqual(socketsAndFiles(), before, 'descriptors before and after');
      },
    );
  }
}

/**
 * What this process has open of the kinds that facts open. Node makes pipes and eventfds of its own for its first child
 * process and its first worker, and keeps the former.
 */
function socketsAndFiles(): string[] {
  return fs
    .readdirSync('/proc/self/fd')
    .flatMap((fd) => {
      try {
        return [`${fd} ${fs.readlinkSync(`/proc/self/fd/${fd}`)}`];
      } catch {
        // The descriptor that listed the folder.
        return [];
      }
    })
    .filter((line) => !/ (pipe|anon_inode):/.test(line));
}
