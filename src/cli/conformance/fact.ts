import type { Scope } from './scope';

/** What a fact needs that a machine may not have. */
export type Need = 'root' | 'private network' | 'IPv6';

/** One thing that the kernel does, as measured on Linux 6.18. */
export interface FactBody {
  /** The row of the catalogue, or a table and its cell: '72', '2.6 TCP_NODELAY'. */
  id: string;
  /** The call, and what it is done to. */
  title: string;
  /** What comes of it, in the words that `run` answers with. */
  expected: string;
  needs?: readonly Need[];
  /** Takes more than about a second, because the kernel waits for that long. */
  slow?: true;
  /** Does it, reads the effect back from the kernel, and says what that is. What it opens belongs to the scope. */
  run: (scope: Scope) => string | Promise<string>;
}

export interface Fact extends FactBody {
  /** The system call or the subject, by which facts are chosen and told apart. */
  group: string;
}

/** The facts of a group. */
export function group(name: string, facts: readonly FactBody[]): Fact[] {
  return facts.map((fact) => ({ ...fact, group: name }));
}

/** Thrown by a fact that finds something missing only once it runs. */
export class CannotRun extends Error {}
