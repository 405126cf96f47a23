import uPlot from 'uplot';
import type { MarkShape, PlotLine, PlotMark } from '../report/plot-spec';
import { colour } from './theme';

export function drawLine(plot: uPlot, { points, colour: name }: PlotLine): void {
  const { ctx } = plot;
  ctx.beginPath();
  for (const [x, y] of points) ctx.lineTo(plot.valToPos(x, 'x', true), plot.valToPos(y, 'y', true));
  ctx.lineWidth = 1.5 * uPlot.pxRatio;
  ctx.strokeStyle = colour(name);
  ctx.stroke();
}

/** A shape, and what is written beside it. */
export function drawMark(plot: uPlot, mark: PlotMark): void {
  const { ctx } = plot;
  const x = plot.valToPos(mark.x, 'x', true);
  const y = plot.valToPos(mark.y, 'y', true);
  const size = mark.size * uPlot.pxRatio;
  ctx.lineWidth = 1.75 * uPlot.pxRatio;
  ctx.strokeStyle = ctx.fillStyle = colour(mark.colour);
  ctx.beginPath();
  trace(ctx, mark.shape, x, y, size);
  if (mark.shape === 'dot' || mark.shape === 'diamond') ctx.fill();
  else ctx.stroke();
  if (mark.note === undefined) return;
  ctx.font = `${11 * uPlot.pxRatio}px system-ui, sans-serif`;
  const side = mark.noteAt === 'left' ? -1 : 1;
  ctx.textAlign = side < 0 ? 'right' : 'left';
  ctx.textBaseline = 'middle';
  ctx.fillStyle = colour('quiet');
  ctx.fillText(mark.note, x + side * (size + 3 * uPlot.pxRatio), y);
}

function trace(ctx: CanvasRenderingContext2D, shape: MarkShape, x: number, y: number, size: number): void {
  const path = (...points: [x: number, y: number][]): void => {
    for (const [dx, dy] of points) ctx.lineTo(x + dx * size, y + dy * size);
  };
  switch (shape) {
    case 'dot':
    case 'ring':
      ctx.arc(x, y, size, 0, 2 * Math.PI);
      return;
    case 'diamond':
      path([0, -1], [1, 0], [0, 1], [-1, 0]);
      ctx.closePath();
      return;
    case 'up':
      path([0, -1], [1, 1], [-1, 1]);
      ctx.closePath();
      return;
    case 'cross':
      path([-1, -1], [1, 1]);
      ctx.moveTo(x - size, y + size);
      ctx.lineTo(x + size, y - size);
      return;
    case 'bar':
      path([0, -1], [0, 1]);
  }
}
