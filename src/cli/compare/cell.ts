import type { WayId } from './ways';

/** How far admitted clients are counted, and whether the one after them is watched. */
export interface Effort {
  /** Queues that hold no more than this are filled until the kernel refuses a client. */
  countAll: number;
  /** Of larger ones, this many clients are let in. */
  countSome: number;
  /** Wait for the refused client to send its SYN again, which takes it a second. */
  awaitRetransmission: boolean;
}

/** What one probe process is told to do. */
export interface Task {
  way: WayId;
  /** The backlog, as JavaScript text. */
  asked: string;
  effort: Effort;
  /** A folder of its own, for a socket file. */
  folder: string;
}

/** The first client that was not admitted, as the kernel shows it from the client's side. */
export type NextClient =
  | {
      sees: 'silence';
      /** TCP_INFO. */
      state: string;
      /** When its first retransmission was seen in TCP_INFO, from its first SYN; null if nobody waited for it. */
      retransmittedAfterMs: number | null;
      /** When the kernel means to retransmit: tcpi_rto. */
      rtoMs: number;
    }
  | { sees: 'error'; code: string; afterMs: number };

/** The queue of one listener, filled. */
export interface Filling {
  /** queue().limit: what the kernel holds as the backlog. */
  limit: number;
  /** How many clients connected one after another, while nobody accepted. */
  admitted: number;
  /** queue().length afterwards. */
  waiting: number;
  /** False: counting stopped at `admitted`, and there was room for more. */
  countedToEnd: boolean;
  next: NextClient | null;
}

/** One backlog asked for in one way. */
export interface Cell {
  way: WayId;
  asked: string;
  /** The integer of each listen(2), in order, as the kernel received it. Null: it could not be observed. */
  calls: number[] | null;
  /** Why not. */
  unobserved: string | null;
  /** The last of them: what holds. Null also if there was no call. */
  arrived: number | null;
  /** The code of what was thrown or emitted instead of listening. */
  error: string | null;
  filling: Filling | null;
  /** Why this cell could not be measured. Null: it was. */
  failure: string | null;
}

export function failedCell(task: Pick<Task, 'way' | 'asked'>, failure: string): Cell {
  const nothing = { calls: null, unobserved: null, arrived: null, error: null, filling: null };
  return { way: task.way, asked: task.asked, ...nothing, failure };
}
