import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { openDescriptors, privateNetwork, type Skip } from '../../../support/machine';
import { CANDIDATES, REFERENCE, type Implementation } from './implementations';
import type { Entry } from './recorder';
import { Stage } from './stage';

/** A ceiling for what waits for ever. */
const STUCK_MS = 15_000;

export type Script = (stage: Stage) => Promise<void>;

// Ports that nobody else takes meanwhile. Where that is refused, those of the machine will do.
privateNetwork();

/**
 * Runs a script against net.Server, then against ours with and without the accept thread, and compares what each run
 * recorded: events and their arguments, errors, and the order of it all. Each run must give its descriptors back.
 */
export function differential(title: string, script: Script, options: { skip?: Skip } = {}): void {
  test(title, options, async () => {
    const expected = await run(REFERENCE, script);
    assert.ok(expected.length > 0, 'the script recorded something');
    const before = openDescriptors().length;
    for (const [name, candidate] of Object.entries(CANDIDATES)) {
      assert.deepEqual(await run(candidate, script), expected, `${name}: as net.Server`);
      await settled(before, name);
    }
  });
}

async function run(implementation: Implementation, script: Script): Promise<Entry[]> {
  const stage = new Stage(implementation);
  const giveUp = new AbortController();
  const stuck = after(STUCK_MS, undefined, { signal: giveUp.signal }).then(() => {
    throw new Error(`stuck after ${JSON.stringify(stage.log.entries, undefined, 1)}`);
  });
  try {
    await Promise.race([script(stage), stuck]);
  } finally {
    giveUp.abort();
    await stuck.catch(() => undefined);
    await stage.clear();
  }
  return stage.log.entries;
}

/** A thread's descriptors end with it, a moment after the server's 'close'. */
async function settled(before: number, name: string): Promise<void> {
  const since = Date.now();
  while (openDescriptors().length > before) {
    if (Date.now() - since > STUCK_MS) assert.equal(openDescriptors().length, before, `${name}: descriptors`);
    await after(5);
  }
}
