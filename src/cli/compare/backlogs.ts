import { inspect } from 'node:util';

/** What a program may pass as a backlog, sensible or not. */
export type BacklogValue = number | string | boolean | null | undefined;

const WORDS: ReadonlyMap<string, BacklogValue> = new Map<string, BacklogValue>([
  ['undefined', undefined],
  ['null', null],
  ['true', true],
  ['false', false],
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
]);

const NUMBER = /^[+-]?(?:0x[\da-f]+|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/i;
const QUOTED = /^'([^']*)'$|^"([^"]*)"$/;

export const DEFAULT_BACKLOGS = [
  'undefined', 'null', 'NaN', '0', '0.5', '1', '5', "'7'", '511', '4096', '65536',
  '2147483647', '2147483648', '4294967296', '-1',
] as const; // prettier-ignore

/** The value that a piece of JavaScript text names. @throws Error if it names none */
export function parseBacklog(text: string): BacklogValue {
  if (WORDS.has(text)) return WORDS.get(text);
  if (NUMBER.test(text)) {
    const sign = text.startsWith('-') ? -1 : 1;
    return sign * Number(text.replace(/^[+-]/, ''));
  }
  const quoted = QUOTED.exec(text);
  if (quoted !== null) return quoted[1] ?? quoted[2] ?? '';
  throw new Error(
    `'${text}' is no backlog: write a number, undefined, null, NaN, true, false or a quoted string`,
  );
}

/** As a programmer would write the value. */
export function formatBacklog(value: BacklogValue): string {
  return inspect(value);
}

/** A list as it stands on the command line, without repetitions. @throws Error naming the bad entry */
export function parseBacklogs(list: string): string[] {
  const entries = list.split(',').map((entry) => entry.trim());
  if (entries.includes('')) throw new Error('an entry is empty');
  return [...new Set(entries.map((entry) => formatBacklog(parseBacklog(entry))))];
}

/** Whether listen(2) can be handed the value as it is. */
export function isInt32(value: BacklogValue): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31;
}
