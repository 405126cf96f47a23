import type { BacklogExplanation, BacklogRecommendation } from 'listenq/kernel';
import { gridAsText, type Grid } from '../grid';
import { paint, type Terminal } from '../terminal';
import { wrapped } from '../words';
import type { Answer } from './answer';
import { answersOn } from './backlog';
import { answerOnPort, type PortFindings } from './port';
import { answerOnSize } from './size';

/** What was asked for, answered. */
export interface Findings {
  explanation: BacklogExplanation | undefined;
  port: PortFindings | undefined;
  recommendation: BacklogRecommendation | undefined;
}

const WIDTH = 100;

/** What a client sees that finds the accept queue full, in a cell of a table. */
export const NEXT_SEES = {
  silence: 'no answer, tries again',
  ghost: 'connected, not accepted',
  reset: 'ECONNRESET',
} as const;
export const NEXT_UNIX = 'waits, or EAGAIN';

export function textReport({ explanation, port, recommendation }: Findings, terminal: Terminal): string {
  const answers: Answer[] = [
    ...(explanation === undefined ? [] : answersOn(explanation)),
    ...((explanation ?? recommendation) ? [answerOnSize(recommendation, explanation)] : []),
    ...(port === undefined ? [] : [answerOnPort(port)]),
  ];
  const assumed = new Set([...(explanation?.assumed ?? []), ...(recommendation?.assumed ?? [])]);
  return [
    ...(explanation === undefined
      ? []
      : [head(explanation, terminal), gridAsText(summary(explanation), terminal)]),
    ...answers.map(({ question, sentences, commands = [] }) =>
      [
        paint(terminal, 'bold', question),
        wrapped(sentences.join(' '), WIDTH),
        ...commands.map((line) => `  ${line}`),
      ].join('\n'),
    ),
    ...(assumed.size === 0 ? [] : [['Not known, and assumed:', ...[...assumed].map(item)].join('\n')]),
  ]
    .map((part) => `${part}\n`)
    .join('\n');
}

function item(text: string): string {
  return wrapped(`- ${text}`, WIDTH).replaceAll('\n', '\n  ');
}

function head({ asked, kernelRelease }: BacklogExplanation, terminal: Terminal): string {
  return paint(terminal, 'bold', `listen(${asked}) on Linux ${kernelRelease}`);
}

function summary({ tcp, unix }: BacklogExplanation): Grid {
  const row = (...texts: [string, string | number, string | number]): { text: string }[] =>
    texts.map((text) => ({ text: String(text) }));
  return {
    head: ['', 'TCP', 'Unix-domain'],
    rows: [
      row('the kernel holds', tcp.backlog, unix.backlog),
      row('clients that can wait', tcp.waiting, unix.waiting),
      row('the next one', NEXT_SEES[tcp.next.sees], NEXT_UNIX),
      row('half-open connections', tcp.halfOpen.most, 'none'),
      row('a SYN beyond', tcp.halfOpen.beyond === 'cookie' ? 'gets a cookie' : 'is dropped', 'none'),
    ],
    textColumns: [0],
  };
}

/** For programs: the explanation as `explainBacklog` gives it, and the rest by its name. */
export function jsonReport({ explanation, port, recommendation }: Findings): string {
  const { advice, listening } = port ?? {};
  return JSON.stringify({ ...explanation, port: advice, listening, recommendation }, null, 2);
}
