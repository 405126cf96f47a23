export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** What several rounds come to: the middle of them, the least and the most. */
export function spread(numbers) {
  return { median: median(numbers), least: Math.min(...numbers), most: Math.max(...numbers) };
}

/** `combine` of one peer's figure and another's, round by round; undefined where one of them was not measured. */
export function roundByRound(samples, of, to, value, combine) {
  if (samples[of] === undefined || samples[to] === undefined) return undefined;
  return spread(samples[of].map((sample, round) => combine(value(sample), value(samples[to][round]))));
}

export const ratio = (samples, of, to, value) => roundByRound(samples, of, to, value, (a, b) => a / b);
