import { CannotRun, type Fact } from './fact';
import { whyNot, type PrivateNetwork } from './needs';
import { Scope } from './scope';

/** What became of a fact on this kernel. */
export type Verdict =
  | { verdict: 'holds'; observed: string }
  | { verdict: 'differs'; observed: string }
  | { verdict: 'skipped'; reason: string };

/** Runs a fact, and undoes all it did. An error that no system call made is an observation too: it differs. */
export async function runFact(fact: Fact, network: PrivateNetwork): Promise<Verdict> {
  const reason = whyNot(fact, network);
  if (reason !== undefined) return { verdict: 'skipped', reason };
  const verdict = await observe(fact);
  return verdict;
}

async function observe(fact: Fact): Promise<Verdict> {
  const scope = new Scope();
  try {
    const observed = await fact.run(scope);
    return { verdict: observed === fact.expected ? 'holds' : 'differs', observed };
  } catch (error) {
    if (error instanceof CannotRun) return { verdict: 'skipped', reason: error.message };
    return { verdict: 'differs', observed: error instanceof Error ? error.message : String(error) };
  } finally {
    await scope.end();
  }
}
