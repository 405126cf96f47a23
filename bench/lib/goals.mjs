// The goals that a row sets itself, judged from the samples of all rounds: { peer: [one sample a round] }.
import { ratio, roundByRound, spread } from './statistics.mjs';

const range = ({ least, most }, digits) => `${least.toFixed(digits)} to ${most.toFixed(digits)}`;

const notMeasured = (what, limit) => ({ what, limit, figure: 'not measured', met: undefined });

/** The median of the ratios to another peer is at most `atMost`, or at least `atLeast`. */
export const ratioGoal =
  ({ what, of, to, value, atMost = Infinity, atLeast = 0, times }) =>
  (samples) => {
    const limit = atLeast > 0 ? `≥ ${atLeast} × ${times}` : `≤ ${atMost} × ${times}`;
    const found = ratio(samples, of, to, value);
    if (found === undefined) return notMeasured(what, limit);
    return {
      what,
      limit,
      figure: `${found.median.toFixed(2)} (${range(found, 2)})`,
      met: found.median <= atMost && found.median >= atLeast,
    };
  };

/** The median of the differences to another peer is at most `atMost`. */
export const differenceGoal =
  ({ what, of, to, value, atMost, unit, than }) =>
  (samples) => {
    const limit = `≤ ${than} + ${atMost} ${unit}`;
    const found = roundByRound(samples, of, to, value, (a, b) => a - b);
    if (found === undefined) return notMeasured(what, limit);
    const sign = found.median < 0 ? '' : '+';
    return {
      what,
      limit,
      figure: `${sign}${found.median.toFixed(0)} ${unit} (${range(found, 0)})`,
      met: found.median <= atMost,
    };
  };

/** In each round, the worst included, the figure is at most `atMost`. */
export const everyRoundGoal =
  ({ what, of, value, atMost, unit = '', digits = 0 }) =>
  (samples) => {
    const limit = atMost === 0 ? '0' : `≤ ${atMost} ${unit}`.trim();
    if (samples[of] === undefined) return notMeasured(what, limit);
    const found = spread(samples[of].map(value));
    return {
      what,
      limit,
      figure: `${found.most.toFixed(digits)} ${unit} in the worst round`.replace('  ', ' '),
      met: found.most <= atMost,
    };
  };

/** The median over the rounds is at most `atMost`. */
export const medianGoal =
  ({ what, of, value, atMost, unit, digits }) =>
  (samples) => {
    const limit = `≤ ${atMost} ${unit}`;
    if (samples[of] === undefined) return notMeasured(what, limit);
    const found = spread(samples[of].map(value));
    const figure = `${found.median.toFixed(digits)} ${unit} (${range(found, digits)})`;
    return { what, limit, figure, met: found.median <= atMost };
  };
