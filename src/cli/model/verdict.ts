/** What was predicted or found, by the names of its parts. */
export type Values = Readonly<Record<string, string | number>>;

/** A prediction beside what the kernel did. */
export interface Comparison {
  predicted: Values;
  found: Values;
}

export type Verdict = ({ verdict: 'held' | 'failed' } & Comparison) | { verdict: 'not run'; reason: string };

export function judge({ predicted, found }: Comparison): Verdict {
  const names = new Set([...Object.keys(predicted), ...Object.keys(found)]);
  const differs = [...names].some((name) => predicted[name] !== found[name]);
  return { verdict: differs ? 'failed' : 'held', predicted, found };
}
