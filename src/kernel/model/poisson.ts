/**
 * Arrivals that know nothing of each other, `mean` of them expected: the Poisson distribution, computed from the logarithm
 * of one probability and the ratios between neighbours, so that no number overflows up to means of some 10^9.
 */

/** The probability of exactly `k`. */
function probability(k: number, mean: number): number {
  if (k === 0) return Math.exp(-mean);
  // Stirling's series, in the form that subtracts no large numbers from each other.
  const off = (mean - k) / k;
  const distance = k * (off - Math.log1p(off));
  return Math.exp(-distance - stirlingError(k)) / Math.sqrt(2 * Math.PI * k);
}

/** ln k! less Stirling's formula. */
function stirlingError(k: number): number {
  if (k < 16) {
    let factorial = 1;
    for (let i = 2; i <= k; i++) factorial *= i;
    return Math.log(factorial) - (k * Math.log(k) - k + 0.5 * Math.log(2 * Math.PI * k));
  }
  return 1 / (12 * k) - 1 / (360 * k ** 3) + 1 / (1260 * k ** 5);
}

/** The probability of more than `k`. */
export function moreThan(k: number, mean: number): number {
  if (mean === 0) return 0;
  return k >= mean ? upperTail(k, mean) : 1 - lowerSum(k, mean);
}

/** For `k` at the mean or above: the terms shrink. */
function upperTail(k: number, mean: number): number {
  let term = 1;
  let sum = 0;
  for (let i = k + 1; term > sum * Number.EPSILON; i++) {
    sum += term;
    term *= mean / (i + 1);
  }
  return probability(k + 1, mean) * sum;
}

/** For `k` below the mean: the terms shrink downwards. */
function lowerSum(k: number, mean: number): number {
  let term = 1;
  let sum = 0;
  for (let i = k; i >= 0 && term > sum * Number.EPSILON; i--) {
    sum += term;
    term *= i / mean;
  }
  return probability(k, mean) * sum;
}

/** The least number that is exceeded with no more than this probability. */
export function upperQuantile(mean: number, exceeded: number): number {
  let low = Math.floor(mean);
  if (moreThan(low, mean) <= exceeded) low = 0;
  let high = Math.max(1, Math.ceil(mean));
  while (moreThan(high, mean) > exceeded) high += Math.ceil(Math.sqrt(high)) + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (moreThan(middle, mean) <= exceeded) high = middle;
    else low = middle + 1;
  }
  return high;
}

/** How many come beyond `k`, on average. */
export function meanBeyond(k: number, mean: number): number {
  if (mean === 0) return 0;
  const atLeast = k === 0 ? 1 : moreThan(k - 1, mean);
  return Math.max(0, mean * atLeast - k * moreThan(k, mean));
}
