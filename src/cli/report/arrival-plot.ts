import type { PlotLine, PlotMark, PlotSpec } from './plot-spec';
import { isPossible } from '../compare/arrivals';
import type { Cell } from '../compare/cell';
import { wayOf } from '../compare/ways';
import { backlogAxis, position } from './axis';
import type { Key } from './figure';

export const ARRIVAL_KEYS: Key[] = [
  { shape: 'bar', colour: 'quiet', text: 'asked for' },
  { shape: 'dot', colour: 'series-1', text: 'listenq' },
  { shape: 'diamond', colour: 'series-2', text: 'net.Server' },
  { shape: 'cross', colour: 'quiet', text: 'refused: an error, and no listen(2)' },
];

/** Where what made no call stands, left of all integers. */
const REFUSED = -3;
const ROW_HEIGHT = 30;
const AXES_HEIGHT = 64;
/** Both marks of a row are seen where they stand at one integer. */
const APART = 0.17;

/** A row for each backlog that was asked for, and in it what arrived. */
export function arrivalPlot(cells: readonly Cell[]): PlotSpec {
  const asked = [...new Set(cells.map((cell) => cell.asked))];
  const levels = new Map(asked.map((text, i) => [text, asked.length - 1 - i]));
  const marks: PlotMark[] = [];
  const lines: PlotLine[] = [];
  for (const [text, level] of levels) {
    const row = cells.filter((cell) => cell.asked === text);
    const wanted = row.some(isPossible) ? position(Number(text)) : undefined;
    if (wanted !== undefined) marks.push(bar(wanted, level, text));
    for (const outcome of [outcomes(row, 'listenq', level), outcomes(row, 'net.Server', level)]) {
      if (wanted !== undefined) lines.push(...linesTo(outcome, wanted));
      marks.push(...outcome);
    }
  }
  const axis = backlogAxis('integer at listen(2)');
  return {
    id: 'plot-arrivals',
    label: labelOf(cells),
    height: AXES_HEIGHT + ROW_HEIGHT * asked.length,
    x: { ...axis, min: REFUSED - 1, ticks: [{ at: REFUSED, text: 'refused' }, ...axis.ticks] },
    y: {
      title: 'asked for',
      min: -0.7,
      max: asked.length - 0.3,
      ticks: [...levels].map(([text, at]) => ({ at, text })),
    },
    lines,
    marks,
  };
}

/** Lines from what was asked for to what arrived instead. What is written beside a mark gets out of their way. */
function linesTo(marks: readonly PlotMark[], wanted: number): PlotLine[] {
  const others = marks.filter(({ x }) => x !== REFUSED && x !== wanted);
  for (const mark of marks) {
    const ends = mark.x === wanted ? others.map(({ x }) => x) : [wanted];
    if (ends.some((x) => x > mark.x)) mark.noteAt = 'left';
  }
  return others.map(({ x, y }) => ({ points: [[wanted, y], [x, y]], colour: 'warn' })); // prettier-ignore
}

function bar(x: number, y: number, asked: string): PlotMark {
  return { x, y, shape: 'bar', colour: 'quiet', size: 11, text: `asked for: ${asked}` };
}

/** What became of one backlog by all calls of one maker, each outcome once. */
function outcomes(row: readonly Cell[], who: 'listenq' | 'net.Server', level: number): PlotMark[] {
  const own = who === 'listenq';
  const cells = row.filter((cell) => wayOf(cell.way).who === who);
  const fates = [...new Set(cells.map(fate))].filter((outcome) => outcome !== undefined);
  return fates.map((outcome) => {
    const alike = cells.filter((cell) => fate(cell) === outcome);
    const refused = typeof outcome === 'string';
    const calls = alike.map(({ way }) => wayOf(way).call).join('; ');
    return {
      x: refused ? REFUSED : position(outcome),
      y: level + (own ? APART : -APART),
      shape: refused ? 'cross' : own ? 'dot' : 'diamond',
      colour: own ? 'series-1' : 'series-2',
      size: own ? 4.5 : 5.5,
      text: `${who}, n = ${row[0]?.asked ?? ''}: ${outcome} by ${calls}`,
      ...(alike.length > 1 && !own ? { note: `×\u200a${alike.length}` } : {}),
    };
  });
}

/** The integer that arrived, or the code of the error. */
function fate({ arrived, error }: Cell): number | string | undefined {
  return error ?? arrived ?? undefined;
}

function labelOf(cells: readonly Cell[]): string {
  const zero = cells.filter((cell) => cell.asked === '0' && wayOf(cell.way).who === 'net.Server');
  const made = [...new Set(zero.map(fate))].filter((outcome) => outcome !== undefined).join(' or ');
  const seen = made === '' ? '' : ` Where 0 was asked of net.Server, ${made} stands.`;
  return `A row for each backlog that was asked for, with marks at the integers that arrived at listen(2).${seen} The tables below have all of them.`;
}
