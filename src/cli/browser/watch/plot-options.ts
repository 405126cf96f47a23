import type uPlot from 'uplot';
import { colour } from '../theme';
import type { Frame } from './frame';
import type { Measure } from './measures';
import { DASHES } from './swatch';
import { clockText, shortText } from './text';

const FONT = '12px system-ui, sans-serif';
/** Of a time on the axis, in CSS pixels. */
const HALF_LABEL = 28;
const STEPS = Array.from({ length: 9 }, (_, zeros) => [1, 2, 5].map((digit) => digit * 10 ** zeros)).flat();
/** The line that is no listener's comes before those of the slots, and so is drawn below them. */
const LINE = 1;

/** How a measure is drawn: a series for each slot, in colours that are asked for each time it is drawn. */
export function plotOptions(measure: Measure, frame: () => Frame): uPlot.Options {
  return {
    width: 300,
    height: 180,
    legend: { show: false },
    padding: [10, 12, 0, 0],
    cursor: {
      y: false,
      drag: { x: false, y: false, setScale: false },
      sync: { key: 'watch' },
      points: { size: 8 },
    },
    scales: {
      x: { auto: false },
      y: { range: (_, __, most) => [0, Math.max(most, measure.least(frame())) * 1.1] },
    },
    axes: [
      { ...axis(), space: 78, size: 30, values: timeTexts },
      {
        ...axis(),
        space: 30,
        size: 48,
        incrs: STEPS,
        values: (_, ticks) => ticks.map(shortText),
      },
    ],
    series: [{}, lineSeries(measure), ...DASHES.map((dash, slot) => slotSeries(slot, dash, frame))],
    hooks: { draw: [(plot) => drawLabel(plot, measure, frame())] },
  };
}

/** Without one that would be cut off at the right. */
function timeTexts({ width, scales }: uPlot, times: number[]): (string | null)[] {
  const { min = 0, max = 0 } = scales['x'] ?? {};
  const room = ((max - min) * HALF_LABEL) / width;
  return times.map((time) => (max - time < room ? null : clockText(time)));
}

function axis(): uPlot.Axis {
  return {
    font: FONT,
    stroke: () => colour('quiet'),
    grid: { stroke: () => colour('grid'), width: 1 },
    ticks: { show: false },
    gap: 6,
  };
}

function slotSeries(slot: number, dash: readonly number[], frame: () => Frame): uPlot.Series {
  const stroke = (): string => colour(`series-${slot + 1}`);
  return {
    stroke,
    // One line has the room below it to itself.
    fill: () => (frame().chosen.length === 1 ? `${stroke()}22` : 'transparent'),
    width: 2,
    dash: [...dash],
    points: { show: false },
  };
}

function lineSeries({ line }: Measure): uPlot.Series {
  return {
    show: line !== undefined,
    stroke: () => colour(line?.colour ?? 'quiet'),
    width: line?.colour === 'bad' ? 2 : 1,
    dash: line?.colour === 'bad' ? [4, 5] : [],
    points: { show: false },
  };
}

/** Names the line that is no listener's, where it ends. */
function drawLabel(plot: uPlot, { line }: Measure, frame: Frame): void {
  const label = line?.labelOf?.(frame);
  const value = plot.data[LINE]?.at(-1);
  if (line === undefined || label === undefined || value === null || value === undefined) return;
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.fillStyle = colour(line.colour);
  ctx.textAlign = 'left';
  ctx.textBaseline = 'bottom';
  ctx.fillText(
    label,
    bbox.left + 4 * devicePixelRatio,
    plot.valToPos(value, 'y', true) - 2 * devicePixelRatio,
  );
  ctx.restore();
}
