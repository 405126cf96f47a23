import type { QueueRow } from '../../watch/http/messages';
import type { Frame } from './frame';
import { levelOf, NOTHING, percentText, perSecondText, queueText, shareOf, WORDS } from './text';

/** What one chart shows. */
export interface Measure {
  name: string;
  title: string;
  /** What the numbers of its axis are. */
  unit: (frame: Frame) => string;
  valueOf: (row: QueueRow, frame: Frame) => number | null;
  /** The same as people read it. */
  textOf: (row: QueueRow) => string;
  /** A line that is no listener's. */
  line?: Line;
  /** The axis goes at least so far. */
  least: (frame: Frame) => number;
}

export interface Line {
  colour: 'bad' | 'quiet';
  valuesOf: (frame: Frame) => (number | null)[];
  /** Written beside it, where there is such a line. */
  labelOf?: (frame: Frame) => string | undefined;
  /** Listed with the values of the sample at that place. */
  listed?: { name: string; textOf: (frame: Frame, index: number) => string };
}

/** Of one listener its connections are shown, of several how full each is: their limits may be thousands apart. */
function isAlone({ chosen }: Frame): boolean {
  return chosen.length === 1;
}

const queue: Measure = {
  name: 'queue',
  title: 'Queue',
  unit: (frame) => (isAlone(frame) ? 'connections that wait' : '% of its places'),
  valueOf: (row, frame) => {
    const share = shareOf(row);
    return isAlone(frame) ? row[1] : share === null ? null : share * 100;
  },
  textOf: (row) => {
    const share = shareOf(row);
    const word = WORDS[levelOf(share)];
    return `${queueText(row)}${share === null ? '' : `, ${word === '' ? percentText(share) : word}`}`;
  },
  line: {
    labelOf: (frame) => {
      if (!isAlone(frame)) return 'full';
      const places = placesOf(newestRow(frame));
      return places === null ? undefined : `full at ${places}`;
    },
    colour: 'bad',
    valuesOf: (frame) => (isAlone(frame) ? onlyRows(frame).map(placesOf) : frame.times.map(() => 100)),
  },
  least: (frame) => (isAlone(frame) ? 1 : 100),
};

function onlyRows({ rows, chosen }: Frame): readonly (QueueRow | undefined)[] {
  return rows[chosen[0]?.slot ?? 0] ?? [];
}

function newestRow(frame: Frame): QueueRow | undefined {
  return onlyRows(frame).at(-1);
}

/** One more than the limit can wait. */
function placesOf(row: QueueRow | undefined): number | null {
  const limit = row?.[2] ?? null;
  return limit === null ? null : limit + 1;
}

export const MEASURES: readonly Measure[] = [
  queue,
  {
    name: 'drops',
    title: 'Drops',
    unit: () => 'SYNs a second',
    valueOf: (row) => row[5],
    textOf: (row) => perSecondText(row[5]),
    least: () => 1,
  },
  {
    name: 'accepts',
    title: 'Accepted',
    unit: () => 'at least so many a second',
    valueOf: (row) => row[6],
    textOf: (row) => perSecondText(row[6]),
    line: {
      colour: 'quiet',
      valuesOf: ({ samples }) => samples.map(({ namespace }) => namespace?.[1] ?? null),
      listed: {
        name: 'namespace',
        textOf: ({ samples }, index) => perSecondText(samples[index]?.namespace?.[1] ?? null),
      },
    },
    least: () => 1,
  },
  {
    name: 'syn',
    title: 'SYN queue',
    unit: () => 'half-open connections',
    valueOf: (row) => row[3],
    textOf: (row) => (row[3] === null ? NOTHING : String(row[3])),
    least: () => 1,
  },
];
