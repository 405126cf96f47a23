import { isInt32, parseBacklog } from './backlogs';
import type { Cell } from './cell';
import type { Grid, GridCell } from '../grid';
import { wayOf, type Way, type WayId } from './ways';

/** The ways of a family that were measured, in order. */
export function waysIn(cells: readonly Cell[], family: Way['family']): Way[] {
  return [...new Set(cells.map(({ way }) => way))].map(wayOf).filter((way) => way.family === family);
}

/** Which integer each way made of each backlog: a row for a backlog, a column for a way. */
export function arrivalGrid(cells: readonly Cell[], family: Way['family'], markdown = false): Grid {
  const ways = waysIn(cells, family);
  const backlogs = [...new Set(cells.map(({ asked }) => asked))];
  const find = (asked: string, way: WayId): Cell =>
    cells.find((cell) => cell.asked === asked && cell.way === way) as Cell;
  return {
    head: ['n', ...ways.map((way) => (markdown ? `${way.who} \`${way.call}\`` : `${way.who}\n${way.short}`))],
    rows: backlogs.map((asked) => [{ text: asked }, ...ways.map(({ id }) => arrival(find(asked, id)))]),
    textColumns: [],
  };
}

/** Yellow: another integer than the one that was asked for. Red: none. */
function arrival(cell: Cell): GridCell {
  if (cell.failure !== null) return { text: 'failed', colour: 'red' };
  if (cell.error !== null) return { text: cell.error, colour: 'red' };
  if (cell.calls === null) return { text: 'not seen', colour: 'red' };
  if (cell.arrived === null) return { text: 'no call', colour: 'red' };
  return isRewritten(cell)
    ? { text: String(cell.arrived), colour: 'yellow' }
    : { text: String(cell.arrived) };
}

/** Whether something else arrived than was asked for. Who asks for nothing is given what there is. */
export function isRewritten({ asked, arrived }: Cell): boolean {
  const value = parseBacklog(asked);
  return value !== undefined && arrived !== null && !Object.is(arrived, value);
}

/** Whether listen(2) could have been handed the backlog as it is. */
export function isPossible({ asked }: Cell): boolean {
  return isInt32(parseBacklog(asked));
}
