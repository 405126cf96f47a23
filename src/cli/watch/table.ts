import type { ListeningSocket } from 'listenq/kernel';
import { addressText, byFullness, fullness, NEARLY_FULL, ownerText, reasons } from '../listener-text';
import { paint, type Colour, type Terminal, printable } from '../terminal';
import { bar, historyLine } from './bars';
import { tableLines, widthOf, type Cell, type Column } from './columns';
import type { History } from './history';
import type { ListenerRates, Rates, Sample } from './sample';

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

const BAR = 12;
const LONGEST_ADDRESS = 40;
const LONGEST_OWNER = 24;
export const LONGEST_HISTORY = 60;
const SHORTEST_HISTORY = 8;
const HEAD_LINES = 3;

/** The table, and below it what is known of the namespace. */
export function viewLines(view: View, room: Room, terminal: Terminal): string[] {
  const { sample, rates } = view;
  const footer = [...namespaceLines(sample, rates), ...troubleLines(sample, terminal)];
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
  const columns = columnsOf(shown, rates);
  const rest = Math.min(room.columns - widthOf(columns) - 2, LONGEST_HISTORY);
  if (rest >= SHORTEST_HISTORY) {
    const cells = shown.map(({ inode }) => ({ text: historyLine(history.of(inode, rest)) }));
    columns.push({ head: ['', 'History'], cells });
  }
  return tableLines(columns, terminal);
}

function columnsOf(shown: readonly ListeningSocket[], rates: Rates | undefined): Column[] {
  const cells = (cellOf: (socket: ListeningSocket) => Cell): Cell[] => shown.map(cellOf);
  const texts = (textOf: (socket: ListeningSocket) => string): Cell[] =>
    cells((socket) => ({ text: textOf(socket) }));
  const rateOf = ({ inode }: ListeningSocket): ListenerRates | undefined => rates?.listeners.get(inode);
  const columns: Column[] = [
    { head: ['', 'Address'], cells: texts((socket) => cut(addressText(socket), LONGEST_ADDRESS)) },
    { head: ['', 'Owner'], cells: texts((socket) => cut(ownerText(socket), LONGEST_OWNER)) },
    { head: ['', 'Queue'], cells: cells(barCell) },
    { head: ['', 'of limit'], right: true, cells: cells(queueCell) },
    { head: ['SYN', 'queue'], right: true, cells: texts((socket) => ofTcp(socket, socket.synLength)) },
    {
      head: ['', 'Drops'],
      right: true,
      cells: cells((socket) => dropCell(ofTcp(socket, socket.drops), socket.drops)),
    },
    {
      head: ['Drops', '/s'],
      right: true,
      cells: cells((socket) => dropCell(rateText(rateOf(socket)?.drops), rateOf(socket)?.drops)),
    },
    {
      head: ['Accepts/s', 'at least'],
      right: true,
      cells: texts((socket) => rateText(rateOf(socket)?.acceptedAtLeast)),
    },
  ];
  // Before the second sample there are no rates, and Unix-domain sockets have neither drops nor a SYN queue.
  return columns.filter((column) => column.cells.some(({ text }) => text !== ''));
}

function barCell(socket: ListeningSocket): Cell {
  const share = fullness(socket);
  return share === undefined ? { text: '?' } : coloured(bar(share, BAR), share);
}

function queueCell(socket: ListeningSocket): Cell {
  return coloured(`${known(socket.length)} of ${known(socket.limit)}`, fullness(socket) ?? 0);
}

function coloured(text: string, share: number): Cell {
  const colour = colourOf(share);
  return colour === undefined ? { text } : { text, colour };
}

function colourOf(share: number): Colour | undefined {
  if (share >= 1) return 'red';
  return share >= NEARLY_FULL ? 'yellow' : undefined;
}

function dropCell(text: string, drops: number | undefined): Cell {
  return (drops ?? 0) > 0 ? { text, colour: 'red' } : { text };
}

function ofTcp({ protocol }: ListeningSocket, value: number | undefined): string {
  return protocol === 'unix' ? '' : known(value);
}

function known(value: number | undefined): string {
  return value === undefined ? '?' : String(value);
}

/** Nothing where it is not known, as before a second sample. */
function rateText(rate: number | undefined): string {
  if (rate === undefined) return '';
  return rate === 0 ? '0' : rate.toFixed(rate < 100 ? 1 : 0);
}

function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`;
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

function troubleLines({ problems, listeners }: Sample, terminal: Terminal): string[] {
  return [...problems, ...reasons(listeners)].map((text) => paint(terminal, 'yellow', printable(text)));
}
