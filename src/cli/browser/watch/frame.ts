import type { QueueRow } from '../../watch/http/messages';
import { MOST_CHOSEN, type Chosen } from './choice';
import type { Sample } from './samples';

/** What the charts show of one moment: samples over time, and of each slot the rows of its listener. */
export interface Frame {
  times: readonly number[];
  samples: readonly Sample[];
  chosen: readonly Chosen[];
  /** By slot; undefined where the listener was not there. */
  rows: readonly (readonly (QueueRow | undefined)[])[];
}

export function frameOf(samples: readonly Sample[], chosen: readonly Chosen[]): Frame {
  const rows: (QueueRow | undefined)[][] = Array.from({ length: MOST_CHOSEN }, () => []);
  for (const { id, slot } of chosen) rows[slot] = samples.map((sample) => sample.rows.get(id));
  return { times: samples.map(({ time }) => time), samples, chosen, rows };
}
