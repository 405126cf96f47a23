import uPlot from 'uplot';
import { drawLine, drawMark } from './report-marks';
import type { PlotAxis, PlotMark, PlotSpec } from '../report/plot-spec';
import { colour } from './theme';

/** So near to a mark, in CSS pixels, the pointer means it. */
const NEAR = 18;
const TICK_FONT_SIZE = 12;
/** Between two ticks' texts, in CSS pixels. */
const TICK_GAP = 10;

/** Draws a plot into an element, and again whenever the element's width changes. */
export function drawPlot(place: HTMLElement, spec: PlotSpec): uPlot {
  const plot = new uPlot(optionsOf(spec, place.clientWidth), [[spec.x.min, spec.x.max], [null, null]], place); // prettier-ignore
  new ResizeObserver(() => {
    plot.setSize({ width: place.clientWidth, height: spec.height });
  }).observe(place);
  return plot;
}

function optionsOf(spec: PlotSpec, width: number): uPlot.Options {
  return {
    width,
    height: spec.height,
    legend: { show: false },
    cursor: { x: false, y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: {
      x: { time: false, range: [spec.x.min, spec.x.max] },
      y: { range: [spec.y.min, spec.y.max] },
    },
    series: [{}, { show: true, points: { show: false } }],
    axes: [axis(spec.x, 0), axis(spec.y, 1)],
    hooks: {
      draw: [(plot) => draw(plot, spec)],
      ready: [(plot) => addTip(plot, spec)],
    },
  };
}

function axis({ title, ticks }: PlotAxis, side: 0 | 1): uPlot.Axis {
  const font = `${TICK_FONT_SIZE}px system-ui, sans-serif`;
  const widest = Math.max(...ticks.map(({ text }) => textWidth(text, font)));
  return {
    label: title,
    font,
    labelFont: `600 ${TICK_FONT_SIZE}px system-ui, sans-serif`,
    labelSize: 22,
    size: side === 0 ? 30 : widest + 18,
    stroke: () => colour('quiet'),
    grid: { stroke: () => colour('grid'), width: 1 },
    ticks: { stroke: () => colour('line'), width: 1, size: 5 },
    splits: (plot) => fitting(plot, ticks, side, font),
    values: (_, splits) => splits.map((at) => ticks.find((tick) => tick.at === at)?.text ?? ''),
  };
}

/** The ticks whose texts find room, the last one before those in the middle. */
function fitting(plot: uPlot, ticks: PlotAxis['ticks'], side: 0 | 1, font: string): number[] {
  const scale = side === 0 ? 'x' : 'y';
  const extent = (text: string): number => (side === 0 ? textWidth(text, font) : TICK_FONT_SIZE);
  const length = (side === 0 ? plot.bbox.width : plot.bbox.height) / uPlot.pxRatio;
  const { min = 0, max = 1 } = plot.scales[scale] as { min?: number; max?: number };
  const taken: { from: number; to: number; at: number }[] = [];
  for (const { at, text } of [...ticks.slice(-1), ...ticks.slice(0, -1)]) {
    const middle = ((at - min) / (max - min)) * length;
    const half = (extent(text) + (side === 0 ? TICK_GAP : 2)) / 2;
    const [from, to] = [middle - half, middle + half];
    if (taken.every((other) => to <= other.from || from >= other.to)) taken.push({ from, to, at });
  }
  return taken.map(({ at }) => at).sort((a, b) => a - b);
}

const measuring = document.createElement('canvas').getContext('2d');

function textWidth(text: string, font: string): number {
  if (measuring === null) return text.length * 7;
  measuring.font = font;
  return measuring.measureText(text).width;
}

function draw(plot: uPlot, { lines, marks }: PlotSpec): void {
  plot.ctx.save();
  for (const line of lines) drawLine(plot, line);
  for (const mark of marks) drawMark(plot, mark);
  plot.ctx.restore();
}

/** Says of the mark next to the pointer what it is. */
function addTip(plot: uPlot, { marks }: PlotSpec): void {
  const tip = document.createElement('div');
  tip.className = 'tip';
  tip.hidden = true;
  plot.over.append(tip);
  plot.over.addEventListener('pointerleave', () => {
    tip.hidden = true;
  });
  plot.over.addEventListener('pointermove', ({ offsetX, offsetY }) => {
    const mark = nearest(plot, marks, offsetX, offsetY);
    tip.hidden = mark === undefined;
    if (mark === undefined) return;
    tip.textContent = mark.text;
    const left = plot.valToPos(mark.x, 'x');
    const top = plot.valToPos(mark.y, 'y');
    tip.style.left = `${Math.max(0, Math.min(left + 12, plot.over.clientWidth - tip.offsetWidth))}px`;
    tip.style.top = `${top > tip.offsetHeight + 14 ? top - tip.offsetHeight - 12 : top + 14}px`;
  });
}

function nearest(plot: uPlot, marks: readonly PlotMark[], x: number, y: number): PlotMark | undefined {
  let found: PlotMark | undefined;
  let least = NEAR;
  for (const mark of marks) {
    const distance = Math.hypot(plot.valToPos(mark.x, 'x') - x, plot.valToPos(mark.y, 'y') - y);
    if (distance > least) continue;
    least = distance;
    found = mark;
  }
  return found;
}
