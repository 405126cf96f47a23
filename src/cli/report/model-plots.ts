import type { PlotSpec } from './plot-spec';
import { counted } from '../words';
import { countAxis, position } from './axis';
import type { ModelCase } from './data';
import type { Key } from './figure';

export const PANELS = [
  'TCP: clients that wait',
  'AF_UNIX: clients that wait',
  'TCP: half-open connections',
] as const;

type Panel = (typeof PANELS)[number];

/** A number that was predicted, the one that was observed, and of how many combinations. */
export interface Pair {
  panel: Panel;
  predicted: number;
  observed: number;
  count: number;
}

export const SCATTER_KEYS: Key[] = [
  { shape: 'line', colour: 'quiet', text: 'as predicted' },
  { shape: 'dot', colour: 'series-1', text: 'combinations that came so' },
  { shape: 'cross', colour: 'bad', text: 'that came otherwise' },
];

/** The combinations by their numbers, without the `left` ones of which only a part was filled. */
export function pairsOf(cases: readonly ModelCase[]): { pairs: Pair[]; left: number } {
  const pairs = new Map<string, Pair>();
  let left = 0;
  for (const one of cases) {
    const { panel, predicted, observed } = numbersOf(one) ?? {};
    if (panel === undefined || predicted === undefined || observed === undefined) continue;
    if (predicted === one.fillUpTo) {
      left += 1;
      continue;
    }
    const key = `${panel} ${predicted} ${observed}`;
    const pair = pairs.get(key) ?? { panel, predicted, observed, count: 0 };
    pairs.set(key, { ...pair, count: pair.count + 1 });
  }
  const sorted = [...pairs.values()].sort(
    (a, b) =>
      PANELS.indexOf(a.panel) - PANELS.indexOf(b.panel) ||
      a.predicted - b.predicted ||
      a.observed - b.observed,
  );
  return { pairs: sorted, left };
}

function numbersOf(one: ModelCase): Omit<Pair, 'count'> | undefined {
  if (one.verdict === 'not run') return undefined;
  const { predicted, found, kind } = one;
  const name = 'halfOpen' in predicted ? 'halfOpen' : 'waiting';
  const [said, seen] = [predicted[name], found[name]];
  if (typeof said !== 'number' || typeof seen !== 'number') return undefined;
  const queue = kind === 'stream' || kind === 'seqpacket' ? PANELS[1] : PANELS[0];
  return { panel: name === 'halfOpen' ? PANELS[2] : queue, predicted: said, observed: seen };
}

export function scatterPlots(pairs: readonly Pair[]): (PlotSpec & { title: string })[] {
  return PANELS.map((panel) => ({ panel, own: pairs.filter((pair) => pair.panel === panel) }))
    .filter(({ own }) => own.length > 0)
    .map(({ panel, own }, i) => scatter(panel, own, i));
}

function scatter(panel: Panel, pairs: readonly Pair[], index: number): PlotSpec & { title: string } {
  const most = Math.max(...pairs.flatMap(({ predicted, observed }) => [predicted, observed]));
  const off = pairs.filter(({ predicted, observed }) => predicted !== observed);
  const { min, max, ticks } = countAxis('', most);
  return {
    id: `plot-model-${index + 1}`,
    title: panel,
    label:
      `${panel}, predicted against observed, from ${pairs[0]?.predicted} to ${most}: ` +
      `${off.length === 0 ? 'all marks are on the line' : `${off.length} of ${pairs.length} marks are off the line`}.`,
    height: 280,
    x: { title: 'predicted', min, max, ticks },
    y: { title: 'observed', min, max, ticks },
    lines: [{ points: [[min, min], [max, max]], colour: 'quiet' }], // prettier-ignore
    marks: pairs.map(({ predicted, observed, count }) => ({
      x: position(predicted),
      y: position(observed),
      ...(predicted === observed
        ? { shape: 'dot' as const, colour: 'series-1' as const }
        : { shape: 'cross' as const, colour: 'bad' as const }),
      size: Math.min(9, 2.5 + Math.sqrt(count) / 2),
      text: `predicted ${predicted}, observed ${observed}: ${counted(count, 'combination')}`,
    })),
  };
}
