import { paint, type Terminal } from '../terminal';
import { arrivalGrid, waysIn } from './arrivals';
import type { Cell } from './cell';
import { countingNote, machineNote, type Comparison } from './comparison';
import { findings } from './findings';
import { gridAsMarkdown, gridAsText, type Grid } from '../grid';
import { queueGrid } from './queues';
import { wayOf, type Way } from './ways';

const TITLES: Readonly<Record<Way['family'], string>> = {
  tcp: 'TCP: the integer that arrived at listen(2), seen at the system call',
  unix: 'Unix-domain sockets: the integer that arrived at listen(2)',
};
const QUEUES = 'What the kernel made of it: clients connect one after another and nobody accepts';
const TIMES = "Times are as the client's process saw them, the delays of a busy machine included.";

/** The same parts for the terminal and for the document, each with what it is made of. */
function grids({ cells }: Comparison, markdown: boolean): { title: string; grid: Grid; notes: string[] }[] {
  const families = (['tcp', 'unix'] as const).filter((family) => waysIn(cells, family).length > 0);
  const arrivals = families.map((family) => ({
    title: TITLES[family],
    grid: arrivalGrid(cells, family, markdown),
    notes: waysIn(cells, family).flatMap(({ short, call, note }) =>
      note === undefined ? [] : [`${markdown ? `\`${call}\`` : short.replace('\n', ' ')}: ${note}.`],
    ),
  }));
  return [...arrivals, { title: QUEUES, grid: queueGrid(cells), notes: [TIMES] }];
}

/** For a terminal of 120 columns. */
export function textReport(comparison: Comparison, terminal: Terminal): string {
  const title = (text: string): string => paint(terminal, 'bold', text);
  const parts = grids(comparison, false).map(({ title: text, grid, notes }) =>
    [title(text), '', gridAsText(grid, terminal), ...notes.map((note) => wrapped(note))].join('\n'),
  );
  const words = findings(comparison, (text) => text).map((sentence) => wrapped(sentence));
  const troubled = troubles(comparison.cells).map((trouble) => paint(terminal, 'red', wrapped(trouble)));
  return [
    [machineNote(comparison.machine), ...circumstances(comparison).map((note) => wrapped(note))].join('\n'),
    ...parts,
    ...(words.length === 0 ? [] : [[title('In words'), '', ...words].join('\n')]),
    ...(troubled.length === 0 ? [] : [[title('Not measured'), '', ...troubled].join('\n')]),
  ]
    .map((part) => `${part}\n`)
    .join('\n');
}

/** docs/compare.md. */
export function markdownReport(comparison: Comparison): string {
  const parts = grids(comparison, true).flatMap(({ title, grid, notes }) => [
    `## ${title}`,
    gridAsMarkdown(grid),
    ...(notes.length === 0 ? [] : [bullets(notes)]),
  ]);
  const troubled = troubles(comparison.cells);
  return `${[
    '# Which backlog reaches the kernel',
    'Written by `npx listenq compare --markdown`: every figure was measured in that run, nothing is typed in by hand.',
    bullets([machineNote(comparison.machine), ...circumstances(comparison)]),
    '## In words',
    bullets(findings(comparison, (text) => `\`${text}\``)),
    ...parts,
    ...(troubled.length === 0 ? [] : ['## Not measured', bullets(troubled)]),
  ].join('\n\n')}\n`;
}

/** For programs: the circumstances side by side, and a row for each cell. */
export function jsonReport({ machine, network, effort, seconds, cells }: Comparison): string {
  const report = {
    ...machine,
    private: network.private,
    network: network.note,
    somaxconn: network.somaxconn ?? null,
    somaxconnNote: network.somaxconnNote,
    ...effort,
    seconds,
    rows: cells.map((cell) => {
      const { family, who, call } = wayOf(cell.way);
      return { family, who, call, ...cell };
    }),
  };
  return JSON.stringify(report, null, 2);
}

/** Under which conditions the figures hold. */
function circumstances(comparison: Comparison): string[] {
  const { network, effort, seconds, cells } = comparison;
  return [
    `Network: ${network.note}.`,
    `net.core.somaxconn: ${network.somaxconn ?? 'not readable'} (${network.somaxconnNote}).`,
    `Counting: ${countingNote(effort)}.`,
    `Each of the ${cells.length} cells is a process of its own; the run took ${Math.round(seconds)} s.`,
  ];
}

/** Cells without a result, and why. */
export function troubles(cells: readonly Cell[]): string[] {
  const unobserved = new Set(cells.flatMap((cell) => (cell.unobserved === null ? [] : [cell.unobserved])));
  const failed = cells.filter(({ failure }) => failure !== null);
  return [
    ...[...unobserved].map(
      (reason) => `listen(2) could not be observed here, so no integer is shown: ${reason}.`,
    ),
    ...failed.map(
      ({ way, asked, failure }) => `${wayOf(way).who} ${wayOf(way).call} with n = ${asked}: ${failure}.`,
    ),
  ];
}

const WIDTH = 116;

/** A sentence over as many lines as it needs, after a dash. */
function wrapped(sentence: string): string {
  const lines = [''];
  for (const word of sentence.split(' ')) {
    const line = lines.at(-1) as string;
    if (line !== '' && line.length + 1 + word.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.map((line, i) => `${i === 0 ? '- ' : '  '}${line}`).join('\n');
}

function bullets(sentences: readonly string[]): string {
  return sentences.map((sentence) => `- ${sentence}`).join('\n');
}
