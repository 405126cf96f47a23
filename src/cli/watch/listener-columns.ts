import type { ListeningSocket } from 'listenq/kernel';
import { fullness, NEARLY_FULL } from '../fullness';
import { addressText, ownerText } from '../listener-text';
import type { Colour } from '../terminal';
import { bar, historyLine } from './bars';
import type { Cell, Column } from './columns';
import type { History } from './history';
import type { ListenerRates, Rates } from './sample';

const BAR = { most: 12, least: 6 };
const ADDRESS = { most: 40, least: 15 };
const OWNER = { most: 24, least: 8 };
const HISTORY = { most: 60, least: 8 };
export const LONGEST_HISTORY = HISTORY.most;

/** What is shown of each listener, without those columns that are empty here. */
export function listenerColumns(shown: readonly ListeningSocket[], rates: Rates | undefined): Column[] {
  const texts = (textOf: (socket: ListeningSocket) => string): Cell[] =>
    shown.map((socket) => ({ text: textOf(socket) }));
  const rateOf = ({ inode }: ListeningSocket): ListenerRates | undefined => rates?.listeners.get(inode);
  const columns: Column[] = [
    flexible('Address', { ...ADDRESS, turn: 3 }, (width) =>
      texts((socket) => cut(addressText(socket), width)),
    ),
    flexible('Owner', { ...OWNER, turn: 2 }, (width) => texts((socket) => cutName(ownerText(socket), width))),
    flexible('Queue', { ...BAR, turn: 1 }, (width) => shown.map((socket) => barCell(socket, width))),
    { head: ['', 'of limit'], right: true, cells: shown.map(queueCell) },
    { head: ['SYN', 'queue'], right: true, cells: texts((socket) => ofTcp(socket, socket.synLength)) },
    {
      head: ['', 'Drops'],
      right: true,
      cells: shown.map((socket) => dropCell(ofTcp(socket, socket.drops), socket.drops)),
    },
    {
      head: ['Drops', '/s'],
      right: true,
      cells: shown.map((socket) => dropCell(rateText(rateOf(socket)?.drops), rateOf(socket)?.drops)),
    },
    {
      head: ['Accepts', '/s ≥'],
      right: true,
      spare: true,
      cells: texts((socket) => rateText(rateOf(socket)?.acceptedAtLeast)),
    },
  ];
  // Before the second sample there are no rates, and Unix-domain sockets have neither drops nor a SYN queue.
  return columns.filter((column) => column.cells.some(({ text }) => text !== ''));
}

/** How full each listener was at the last samples, as many as there is room for. */
export function historyColumn(shown: readonly ListeningSocket[], history: History): Column {
  return flexible('History', { ...HISTORY, turn: 0 }, (width) =>
    shown.map(({ inode }) => ({ text: historyLine(history.of(inode, width)) })),
  );
}

function flexible(
  title: string,
  { most, least, turn }: { most: number; least: number; turn: number },
  cells: (width: number) => Cell[],
): Column {
  return { head: ['', title], cells: cells(most), narrow: { turn, least, cells } };
}

function barCell(socket: ListeningSocket, width: number): Cell {
  const share = fullness(socket);
  return share === undefined ? { text: '?' } : coloured(bar(share, width), share);
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

export function known(value: number | undefined): string {
  return value === undefined ? '?' : String(value);
}

/** Nothing where it is not known, as before a second sample. */
export function rateText(rate: number | undefined): string {
  if (rate === undefined) return '';
  return rate === 0 ? '0' : rate.toFixed(rate < 100 ? 1 : 0);
}

function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`;
}

/** Of an owner the name is cut: by its number the process is found. */
function cutName(owner: string, longest: number): string {
  const [, name, number = ''] = /^(.*?)( \d+(?: \+\d+)?)$/.exec(owner) ?? [];
  return name === undefined ? cut(owner, longest) : cut(name, Math.max(longest - number.length, 2)) + number;
}
