import { narrowed, widthOf, type Column } from './columns';

/**
 * Makes columns fit into so much room: they become narrower in the order of their turns, come closer together before the
 * second turn, and those that can be spared go last. Where that is not enough, the table is wider.
 */
export function fitted(
  columns: readonly Column[],
  last: Column | undefined,
  room: number,
): { columns: Column[]; gap: number } {
  // The last column takes what the others leave, and never less than its least.
  const least = last === undefined ? [] : [narrowed(last, Infinity)];
  let [kept, gap] = [[...columns], 2];
  const excess = (): number => widthOf([...kept, ...least], gap) - room;
  for (const turn of [1, 2, 3]) {
    if (turn === 2 && excess() > 0) gap = 1;
    kept = kept.map((column) => (column.narrow?.turn === turn ? narrowed(column, excess()) : column));
  }
  if (excess() > 0) kept = kept.filter(({ spare }) => spare !== true);
  if (last === undefined) return { columns: kept, gap };
  return { columns: [...kept, narrowed(last, widthOf([...kept, last], gap) - room)], gap };
}
