import { paint, type Colour, type Terminal } from './terminal';
import { Table } from './vendor';

export interface GridCell {
  text: string;
  colour?: Colour;
}

/** A table, before it is known what it is written as. */
export interface Grid {
  /** A heading may have several lines. */
  head: string[];
  rows: GridCell[][];
  /** Columns of text; the others hold numbers and are aligned on the right. */
  textColumns: number[];
}

const GAP = '  ';
const NO_BORDERS = {
  top: '', 'top-mid': '', 'top-left': '', 'top-right': '',
  bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '',
  left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: GAP,
} as const; // prettier-ignore

/** For a terminal: columns apart by two spaces, a line under the head. */
export function gridAsText(grid: Grid, terminal: Terminal): string {
  const table = new Table({
    chars: NO_BORDERS,
    colAligns: grid.head.map((_, i) => (grid.textColumns.includes(i) ? 'left' : 'right')),
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  const heads = grid.head.map((text) => text.split('\n'));
  const height = Math.max(...heads.map((lines) => lines.length));
  for (let line = 0; line < height; line++) {
    // Short headings stand at the bottom, next to what they head.
    table.push(heads.map((lines) => paint(terminal, 'bold', lines[lines.length - height + line] ?? '')));
  }
  table.push(grid.head.map((_, i) => paint(terminal, 'dim', '─'.repeat(widthOf(grid, i)))));
  for (const row of grid.rows) {
    table.push(row.map(({ text, colour }) => (colour === undefined ? text : paint(terminal, colour, text))));
  }
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

function widthOf({ head, rows }: Grid, column: number): number {
  const texts = [...(head[column] ?? '').split('\n'), ...rows.map((row) => row[column]?.text ?? '')];
  return Math.max(...texts.map((text) => text.length));
}

export function gridAsMarkdown(grid: Grid): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  return [
    line(grid.head.map((text) => text.replaceAll('\n', ' '))),
    line(grid.head.map((_, i) => (grid.textColumns.includes(i) ? '---' : '---:'))),
    ...grid.rows.map((row) => line(row.map(({ text }) => text))),
  ].join('\n');
}
