import type { BacklogExplanation } from 'listenq/kernel';
import type { PlotMark, PlotSpec } from './plot-spec';
import type { Cell } from '../compare/cell';
import { wayOf } from '../compare/ways';
import { halfOpen, nextClient } from '../explain/refused';
import { NEXT_SEES, NEXT_UNIX } from '../explain/report';
import type { GridCell } from '../grid';
import { backlogAxis, countAxis, position } from './axis';
import type { ReportData } from './data';
import type { Figures, Key } from './figure';
import { markup, prose, type Html } from './html';
import { note, notMeasured } from './note';
import { row, type Section } from './section';

/** What each backlog comes to under this machine's limits: predicted, and counted. */
export function backlogSection({ explanations, queues }: ReportData, figures: Figures): Section {
  const cells = 'measured' in queues ? queues.measured.rows : [];
  const example = explanations.find(({ asked }) => asked === 511) ?? explanations[0];
  return {
    id: 'backlogs',
    title: 'What each backlog means here',
    body: markup`<p>${prose(introduction(explanations))}</p>
      ${'why' in queues ? notMeasured(queues.why) : agreement(explanations, cells)}
      ${figures.table(tableCaption(queues), backlogGrid(explanations, cells))}
      ${figures.plot(
        'Connections that wait, over the backlog that listen(2) gets. Both axes are logarithmic above 0; a negative backlog stands where the kernel reads it, as an unsigned number.',
        KEYS,
        [backlogPlot(explanations, cells)],
      )}
${example === undefined ? undefined : answers(example)}`,
  };
}

/** What else people ask about a backlog, for one of them. */
function answers(example: BacklogExplanation): Html {
  const answered = [nextClient(example), halfOpen(example)];
  return markup`<p>
      The answers below are for a backlog of ${example.asked}; <code>npx listenq explain</code> has them for any.
    </p>
    ${answered.map(
      ({ question, sentences }) => markup`<h3>${question}</h3>
        <p>${prose(sentences.join(' '))}</p>
        `,
    )}`;
}

function introduction([first]: readonly BacklogExplanation[]): string {
  const cap = first?.limits.somaxconn ?? NaN;
  const assumed = first?.assumed ?? [];
  const unknown = assumed.length === 0 ? '' : ` Not known, and assumed: ${assumed.join('; ')}.`;
  return (
    `The backlog is the length of the accept queue: clients whose handshake is complete and that the server has not ` +
    `accepted yet. The kernel holds the lesser of it and \`net.core.somaxconn\`, ${cap} here, and lets one more in.${unknown}`
  );
}

function tableCaption(queues: ReportData['queues']): string {
  const counted =
    'why' in queues
      ? ''
      : ` Counted: clients came one after another, nobody accepted; ${queues.measured.network}, net.core.somaxconn ${queues.measured.somaxconn ?? 'unknown'}.`;
  return `Backlogs, in the order in which the kernel reads them: how many clients can wait, and what the next one sees. Amber: the kernel holds less than was asked for.${counted}`;
}

function cellOf(cells: readonly Cell[], way: Cell['way'], asked: number): Cell | undefined {
  return cells.find((cell) => cell.way === way && cell.asked === String(asked));
}

/** Whether a queue was counted otherwise than predicted; undefined where it was not counted so far. */
function deviates(cell: Cell | undefined, waiting: number): boolean | undefined {
  const filling = cell?.filling;
  if (filling === undefined || filling === null) return undefined;
  if (!filling.countedToEnd) return filling.admitted > waiting ? true : undefined;
  return filling.admitted !== waiting;
}

function agreement(explanations: readonly BacklogExplanation[], cells: readonly Cell[]): Html {
  const verdicts = explanations.flatMap(({ asked, tcp, unix }) => [
    deviates(cellOf(cells, 'listenq', asked), tcp.waiting),
    deviates(cellOf(cells, 'listenq-path', asked), unix.waiting),
  ]);
  const count = (which: boolean | undefined): number => verdicts.filter((one) => one === which).length;
  const [off, open] = [count(true), count(undefined)];
  const rest = open === 0 ? '' : ` ${open} were not counted to their end.`;
  return off === 0
    ? note(
        'good',
        'As predicted.',
        `${count(false)} queues were filled until a client found no room, and held as many as predicted.${rest}`,
      )
    : note('bad', 'Not as predicted.', `${off} queues held another number of clients than predicted.${rest}`);
}

function backlogGrid(
  explanations: readonly BacklogExplanation[],
  cells: readonly Cell[],
): { head: string[]; rows: GridCell[][]; textColumns: number[] } {
  const counted = (way: Cell['way'], asked: number, waiting: number): GridCell => {
    const cell = cellOf(cells, way, asked);
    const text = countOf(cell);
    return deviates(cell, waiting) === true ? { text, colour: 'red' } : { text };
  };
  return {
    head: [
      'backlog', 'kernel\nholds', 'TCP:\nwait', 'counted', 'the next one', 'half-open\nfit',
      'Unix:\nwait', 'counted', 'the next one',
    ], // prettier-ignore
    rows: explanations.map(({ asked, tcp, unix }) => [
      ...row([asked]),
      ...row([tcp.backlog], tcp.cappedBy === undefined ? undefined : 'yellow'),
      ...row([tcp.waiting]),
      counted('listenq', asked, tcp.waiting),
      ...row([NEXT_SEES[tcp.next.sees], tcp.halfOpen.most, unix.waiting]),
      counted('listenq-path', asked, unix.waiting),
      ...row([NEXT_UNIX]),
    ]),
    textColumns: [4, 8],
  };
}

function countOf(cell: Cell | undefined): string {
  if (cell?.filling) return `${cell.filling.countedToEnd ? '' : '> '}${cell.filling.admitted}`;
  return cell === undefined ? '–' : (cell.error ?? 'failed');
}

const KEYS: Key[] = [
  { shape: 'line', colour: 'quiet', text: 'predicted' },
  { shape: 'ring', colour: 'series-1', text: 'TCP, counted' },
  { shape: 'dot', colour: 'series-2', text: 'AF_UNIX, counted' },
  { shape: 'up', colour: 'text', text: 'at least so many: counting stopped there' },
];

function backlogPlot(explanations: readonly BacklogExplanation[], cells: readonly Cell[]): PlotSpec {
  const marks = cells.flatMap(markOf);
  const most = Math.max(0, ...explanations.map(({ tcp }) => tcp.waiting));
  return {
    id: 'plot-backlogs',
    label:
      `Connections that wait against the backlog asked for: the prediction rises with the backlog and is level from ` +
      `net.core.somaxconn on, at ${most}; ${marks.length} counts are drawn on it. The table above has the numbers.`,
    height: 360,
    x: backlogAxis('backlog asked for'),
    y: countAxis('connections that wait', most),
    lines: [
      {
        points: explanations.map(({ asked, tcp }) => [position(asked), position(tcp.waiting)]),
        colour: 'quiet',
      },
    ],
    marks,
  };
}

function markOf({ way, asked, filling }: Cell): PlotMark[] {
  if (filling === null) return [];
  const { family } = wayOf(way);
  const at = { x: position(Number(asked)), y: position(filling.admitted) };
  const text = `${family === 'tcp' ? 'TCP' : 'AF_UNIX'}, backlog ${asked}: ${filling.countedToEnd ? '' : 'more than '}${filling.admitted} wait`;
  const colour = family === 'tcp' ? 'series-1' : 'series-2';
  if (!filling.countedToEnd) return [{ ...at, shape: 'up', colour, size: family === 'tcp' ? 7 : 4, text }];
  return [
    family === 'tcp'
      ? { ...at, shape: 'ring', colour, size: 6.5, text }
      : { ...at, shape: 'dot', colour, size: 3, text },
  ];
}
