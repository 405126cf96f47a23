import * as os from 'node:os';
import type { Counters } from 'listenq/kernel';
import { paint, printable, type Terminal } from '../terminal';
import { counted } from '../words';
import type { Examination, Subject } from './examination';
import type { Finding, Remedy } from './finding';
import { listenerLine } from './listener-line';

/** What the command has to say; without an examination if its subject could not be looked at. */
export interface Report {
  subject: Subject;
  findings: Finding[];
  unknown: string[];
  examination: Examination | undefined;
}

/** Details and listeners beyond it are counted, not shown. */
const MOST_LINES = 10;
const SHOWN_COUNTERS = [
  ['listenOverflows', 'overflows'],
  ['listenDrops', 'drops'],
  ['tcpReqQFullDrop', 'SYN queue full'],
  ['syncookiesSent', 'cookies'],
] as const;

export function isWrong({ findings }: Report): boolean {
  return findings.some(({ severity }) => severity === 'problem');
}

export function textReport(report: Report, terminal: Terminal): string {
  const { examination, findings, unknown } = report;
  const problems = findings.filter(({ severity }) => severity === 'problem');
  const advice = findings.filter(({ severity }) => severity === 'advice');
  const parts = [
    [`${os.type()} ${os.release()}`, ...(examination === undefined ? [] : circumstances(examination))],
    ...findingParts([...problems, ...advice], terminal),
    ...(unknown.length === 0
      ? []
      : [[paint(terminal, 'yellow', 'Not known'), ...indented(unknown.map(printable))]]),
    [summary(problems.length, advice.length, unknown.length, terminal)],
  ];
  return `${parts.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function circumstances({ subject, seconds, limits, listeners, counters, moved }: Examination): string[] {
  const { somaxconn, tcpMaxSynBacklog, tcpSyncookies, tcpAbortOnOverflow } = limits;
  const shown =
    subject.port !== undefined || subject.pid !== undefined ? (listeners ?? []).map(listenerLine) : [];
  const settings = Object.entries({
    somaxconn,
    tcp_max_syn_backlog: tcpMaxSynBacklog,
    tcp_syncookies: tcpSyncookies,
    tcp_abort_on_overflow: tcpAbortOnOverflow,
  });
  return [
    settings.map(([name, value]) => `${name} ${value ?? '?'}`).join(', '),
    `since this network namespace began: ${counterText(counters)}`,
    `in ${seconds.toFixed(1)} s of looking: ${counterText(moved)}`,
    ...(listeners === undefined
      ? []
      : [`${counted(listeners.length, 'listener')} looked at${shown.length > 0 ? ':' : ''}`]),
    ...shortened(shown),
  ];
}

function counterText(values: Counters | undefined): string {
  return SHOWN_COUNTERS.map(([name, text]) => `${values?.[name] ?? '?'} ${text}`).join(', ');
}

/** What to change is written once, although several findings may ask for it. */
function findingParts(findings: readonly Finding[], terminal: Terminal): string[][] {
  const written = new Set<string>();
  return findings.map(({ severity, title, details, remedies }) => {
    const head =
      severity === 'problem' ? paint(terminal, 'red', 'Problem') : paint(terminal, 'cyan', 'Advice');
    const blocks = remedies.map((remedy) => remedyLines(remedy, terminal));
    const fresh = blocks.filter((block) => !written.has(block.join('\n')));
    for (const block of fresh) written.add(block.join('\n'));
    const above =
      fresh.length === 0 ? 'what to change is said above' : 'the rest of what to change is said above';
    const change = fresh.length === blocks.length ? [] : [paint(terminal, 'dim', `    (${above})`)];
    return [`${head}  ${paint(terminal, 'bold', title)}`, ...shortened(details), ...fresh.flat(), ...change];
  });
}

/** The place on the left, and its lines beside it, so that they can be copied. */
function remedyLines({ where, lines }: Remedy, terminal: Terminal): string[] {
  return lines.map((line, i) => {
    const place = (i === 0 ? where : '').padEnd(12);
    return `    ${paint(terminal, 'cyan', place)}${line.startsWith('#') ? paint(terminal, 'dim', line) : line}`;
  });
}

function shortened(lines: readonly string[]): string[] {
  const left = lines.length - MOST_LINES;
  return indented(left <= 0 ? lines : [...lines.slice(0, MOST_LINES), `… ${left} more`]);
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

function summary(problems: number, advice: number, unknown: number, terminal: Terminal): string {
  const also = advice === 0 ? '' : `; ${advice} for your advice`;
  if (problems > 0) return paint(terminal, 'red', `${counted(problems, 'problem')}${also}.`);
  const healthy = unknown === 0 ? 'Nothing is wrong' : 'No problem in what could be read';
  return paint(terminal, 'green', `${healthy}${also}.`);
}

/** One object. What is not known is null, with the reason in `unknown` or in a listener's `why`. */
export function jsonReport(report: Report): string {
  const { subject, findings, unknown, examination } = report;
  const { seconds, limits, counters, moved, listeners, descriptors } = examination ?? {};
  return JSON.stringify(
    {
      kernel: os.release(),
      time: new Date().toISOString(),
      subject: { port: subject.port, pid: subject.pid },
      wrong: isWrong(report),
      findings,
      unknown,
      seconds,
      limits,
      counters: { total: counters, moved },
      listeners,
      descriptors,
    },
    (_, value: unknown) => (value === undefined || value === Infinity ? null : value),
    2,
  );
}
