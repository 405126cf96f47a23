/**
 * The process that facts run in, so that a namespace, a limit, or a crash stays its own. One line of JSON on stdout for
 * the network that it is in, and one for each fact.
 */
import * as fs from 'node:fs';
import { bringUpLoopback, enterPrivateNetwork } from 'listenq/lab';
import { FACTS } from './catalogue';
import type { PrivateNetwork } from './needs';
import { runFact, type Verdict } from './run-fact';

export interface RunnerTask {
  /** Enter a private network; be in one that was made for this process; or stay outside, for that reason. */
  network: 'enter' | 'inside' | { reason: string };
  /** Places in FACTS. */
  facts: readonly number[];
}

export type RunnerMessage = { network: PrivateNetwork } | { fact: number; verdict: Verdict; ms: number };

/** Synchronous, so that nothing is lost in a crash; throws EPIPE if nobody reads any more. */
function say(message: RunnerMessage): void {
  fs.writeSync(1, `${JSON.stringify(message)}\n`);
}

function settleIn({ network }: RunnerTask): PrivateNetwork {
  if (typeof network === 'object') return network;
  try {
    if (network === 'enter') enterPrivateNetwork();
    else bringUpLoopback();
    return 'private';
  } catch (error) {
    return { reason: (error as Error).message };
  }
}

async function main(): Promise<void> {
  const task = JSON.parse(process.argv[2] ?? '') as RunnerTask;
  const network = settleIn(task);
  say({ network });
  if (network !== 'private' && typeof task.network === 'string') return;
  for (const index of task.facts) {
    const fact = FACTS[index];
    if (fact === undefined) continue;
    const start = performance.now();
    const verdict = await runFact(fact, network);
    say({ fact: index, verdict, ms: performance.now() - start });
  }
}

void main();
