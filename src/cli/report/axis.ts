import type { PlotAxis } from './plot-spec';

/** Where a count, or a backlog as the kernel reads it, stands on an axis that has 0 and is logarithmic above. */
export function position(value: number): number {
  return Math.log2((value < 0 ? value >>> 0 : value) + 1);
}

const ROUND = [0, 1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 100_000_000];

/** An axis of counts. */
export function countAxis(title: string, most: number): PlotAxis {
  return {
    title,
    min: -0.4,
    max: position(most) + 0.8,
    ticks: ROUND.filter((value) => value <= most * 1.5).map(tick),
  };
}

/** An axis of backlogs: all that 32 bits can say, a negative one where the kernel puts it. */
export function backlogAxis(title: string): PlotAxis {
  return {
    title,
    min: -0.8,
    max: position(-1) + 1.2,
    ticks: [...[0, 5, 128, 4096, 65536].map(tick), { at: position(-1), text: '−1' }],
  };
}

function tick(value: number): PlotAxis['ticks'][number] {
  return { at: position(value), text: grouped(value) };
}

/** `65 536`, with spaces that do not break. */
function grouped(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, '\u202f');
}
