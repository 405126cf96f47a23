import { paint, type Colour, type Terminal } from '../terminal';

export interface Cell {
  text: string;
  colour?: Colour;
}

export interface Column {
  /** Two lines; the upper one may be empty. */
  head: readonly [string, string];
  /** Numbers stand on the right. */
  right?: true;
  cells: Cell[];
  /** Of a column that can do with less width: when it is its turn, the least, and its cells in so much. */
  narrow?: { turn: number; least: number; cells: (width: number) => Cell[] };
  /** Left out where there is not enough room all the same. */
  spare?: true;
}

/** How wide such a table is, with so many spaces between its columns. */
export function widthOf(columns: readonly Column[], gap: number): number {
  return columns.reduce((sum, column) => sum + columnWidth(column) + gap, -gap);
}

/** The same column, narrower by as much as it can do without, and no more than that. */
export function narrowed(column: Column, excess: number): Column {
  const { narrow } = column;
  if (narrow === undefined || excess <= 0) return column;
  return { ...column, cells: narrow.cells(Math.max(columnWidth(column) - excess, narrow.least)) };
}

/**
 * The lines of a table: two of headings, a rule, and the rows. Not drawn by the library for tables: it would take longer
 * than everything else in a sample together, and `watch` is to cost next to nothing.
 */
export function tableLines(columns: readonly Column[], gap: number, terminal: Terminal): string[] {
  const widths = columns.map(columnWidth);
  const lineOf = (cellAt: (column: Column, width: number) => Cell): string => {
    const cells = columns.map((column, i) => {
      const width = widths[i] ?? 0;
      const { text, colour } = cellAt(column, width);
      const padded = column.right ? text.padStart(width) : text.padEnd(width);
      return colour === undefined ? padded : paint(terminal, colour, padded);
    });
    return cells.join(' '.repeat(gap)).trimEnd();
  };
  const rows = columns[0]?.cells ?? [];
  return [
    lineOf(({ head }) => ({ text: head[0], colour: 'bold' })),
    lineOf(({ head }) => ({ text: head[1], colour: 'bold' })),
    lineOf((_, width) => ({ text: '─'.repeat(width), colour: 'dim' })),
    ...rows.map((_, row) => lineOf(({ cells }) => cells[row] ?? { text: '' })),
  ];
}

function columnWidth({ head, cells }: Column): number {
  return cells.reduce(
    (most, { text }) => Math.max(most, text.length),
    Math.max(head[0].length, head[1].length),
  );
}
