import type { ListeningSocket } from 'listenq/kernel';
import { byFullness, reasons } from '../listener-text';
import { paint, printable, type Terminal } from '../terminal';
import { wrapped } from '../words';
import { tableLines } from './columns';
import { fitted } from './fit';
import type { History } from './history';
import { historyColumn, known, listenerColumns, rateText } from './listener-columns';
import type { Rates, Sample } from './sample';

/** All that is shown of one moment. */
export interface View {
  sample: Sample;
  /** undefined for the first sample. */
  rates: Rates | undefined;
  history: History;
}

/** How much room there is. */
export interface Room {
  columns: number;
  /** Listeners beyond it are counted, not shown. */
  lines: number;
}

const HEAD_LINES = 3;

/** The table, and below it what is known of the namespace. */
export function viewLines(view: View, room: Room, terminal: Terminal): string[] {
  const { sample, rates } = view;
  const broken = (text: string): string[] => wrapped(text, room.columns).split('\n');
  const footer = [
    ...namespaceLines(sample, rates).flatMap(broken),
    ...troubles(sample)
      .flatMap(broken)
      .map((line) => paint(terminal, 'yellow', line)),
  ];
  const sorted = [...sample.listeners].sort(byFullness);
  const places = Math.max(room.lines - HEAD_LINES - footer.length - 1, 1);
  // The line that says how many are left out takes a place itself.
  const shown = sorted.length <= places ? sorted : sorted.slice(0, Math.max(places - 1, 1));
  const left = sorted.length - shown.length;
  return [
    ...(shown.length === 0 ? ['Nobody listens.'] : table(shown, view, room, terminal)),
    ...(left === 0 ? [] : [paint(terminal, 'dim', `… ${left} more`)]),
    '',
    ...footer,
  ];
}

function table(
  shown: readonly ListeningSocket[],
  { rates, history }: View,
  room: Room,
  terminal: Terminal,
): string[] {
  // One sample has no history.
  const past = rates === undefined ? undefined : historyColumn(shown, history);
  const { columns, gap } = fitted(listenerColumns(shown, rates), past, room.columns);
  return tableLines(columns, gap, terminal);
}

function namespaceLines({ counters }: Sample, rates: Rates | undefined): string[] {
  if (counters === undefined) return [];
  const { listenOverflows, listenDrops, syncookiesSent } = counters;
  const totals = `Since this network namespace began: ${known(listenOverflows)} overflows, ${known(listenDrops)} drops, ${known(syncookiesSent)} cookies.`;
  const now = rates?.namespace;
  if (now === undefined) return [totals];
  const each = [
    `${rateText(now.passiveOpens)} into the queues`,
    `${rateText(now.accepted)} accepted`,
    `${rateText(now.listenOverflows)} overflows`,
    `${rateText(now.listenDrops)} drops`,
    `${rateText(now.syncookiesSent)} cookies`,
  ];
  return [`The whole network namespace, a second: ${each.join(', ')}.`, totals];
}

/** What could not be read, and what is not known of the listeners, with the reasons. */
export function troubles({ problems, listeners }: Sample): string[] {
  return [...problems, ...reasons(listeners)].map(printable);
}
