import type { Cell, Filling, NextClient } from './cell';
import type { Grid } from '../grid';
import { wayOf, type Way } from './ways';

/** Cells with the same integer and the same outcome. */
interface Group {
  family: Way['family'];
  arrived: number | null;
  filling: Filling;
  fillings: Filling[];
}

/** What the kernel made of each integer that arrived: a row for each outcome, so that cells that differ stand apart. */
export function queueGrid(cells: readonly Cell[]): Grid {
  return {
    head: [
      'integer',
      'socket',
      'kernel\nholds',
      'clients\nadmitted',
      'the next one sees',
      'how soon',
      'cells',
    ],
    rows: groups(cells).map(({ family, arrived, filling, fillings }) =>
      [
        arrived === null ? 'not seen' : String(arrived),
        family === 'tcp' ? 'TCP' : 'Unix',
        String(filling.limit),
        admission(filling),
        sight(filling.next),
        soon(fillings),
        String(fillings.length),
      ].map((text) => ({ text })),
    ),
    textColumns: [1, 4, 5],
  };
}

function groups(cells: readonly Cell[]): Group[] {
  const found = new Map<string, Group>();
  for (const { way, arrived, filling } of cells) {
    if (filling === null) continue;
    const { family } = wayOf(way);
    const key = JSON.stringify([family, arrived, filling.limit, admission(filling), sight(filling.next)]);
    const group = found.get(key);
    if (group === undefined) found.set(key, { family, arrived, filling, fillings: [filling] });
    else group.fillings.push(filling);
  }
  return [...found.values()].sort(
    (a, b) => a.family.localeCompare(b.family) || unsigned(a.arrived) - unsigned(b.arrived),
  );
}

/** As the kernel reads the integer, and so in the order of what it holds. */
function unsigned(arrived: number | null): number {
  return arrived === null ? -1 : arrived >>> 0;
}

function admission({ admitted, waiting, countedToEnd }: Filling): string {
  const count = countedToEnd ? String(admitted) : `> ${admitted}`;
  return waiting === admitted ? count : `${count} (${waiting} wait)`;
}

function sight(next: NextClient | null): string {
  if (next === null) return 'not reached: counting stopped';
  return next.sees === 'error' ? next.code : `no answer (${next.state})`;
}

function soon(fillings: readonly Filling[]): string {
  const nexts = fillings.flatMap(({ next }) => (next === null ? [] : [next]));
  const errors = nexts.flatMap((next) => (next.sees === 'error' ? [next.afterMs] : []));
  if (errors.length > 0) return `after ${range(errors)}`;
  const silent = nexts.flatMap((next) => (next.sees === 'silence' ? [next] : []));
  const seen = silent.flatMap(({ retransmittedAfterMs: ms }) => (ms === null ? [] : [ms]));
  if (seen.length > 0) return `SYN again after ${range(seen)}`;
  return silent.length === 0 ? '' : `SYN again due after ${range(silent.map(({ rtoMs }) => rtoMs))}`;
}

/** Milliseconds in a unit that reads well. */
function range(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const [divisor, unit, digits] = most >= 100 ? [1000, 's', 2] : [1, 'ms', 1];
  const [from, to] = [least / divisor, most / divisor].map((value) => value.toFixed(digits));
  return from === to ? `${from} ${unit}` : `${from} to ${to} ${unit}`;
}
