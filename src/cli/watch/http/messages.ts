/**
 * What the page is told, as JSON in server-sent events: here alone, for the server that writes it and the page that reads
 * it. What comes each second is numbers without names; null is a number that is not known.
 */

/** Event `roster`, the first one, and again when it has changed: what stays the same over many samples. */
export interface Roster {
  /** Of the process that serves: another one begins to count its samples anew. */
  run: string;
  /** The machine's own name. */
  host: string;
  /** Only listeners on these ports; null for all. */
  ports: readonly number[] | null;
  listeners: Who[];
  /** What could not be read, and why. */
  problems: string[];
}

export interface Who {
  id: number;
  address: string;
  owner: string;
  /** Of one of AF_UNIX there are no drops and no SYN queue. */
  isUnix: boolean;
}

/** Event `sample`; its id is `<run>.<number>`. */
export interface SampleMessage {
  /** Of the machine's clock, in milliseconds since 1970. */
  time: number;
  queues: QueueRow[];
  /** A second, over the time since the last sample; null for the first one. */
  namespace: NamespaceRates | null;
}

/** One listener. The rates are those since the last sample. */
export type QueueRow = [
  id: number,
  length: number | null,
  limit: number | null,
  synLength: number | null,
  drops: number | null,
  dropsPerSecond: number | null,
  acceptsPerSecondAtLeast: number | null,
];

export type NamespaceRates = [
  intoQueues: number,
  accepted: number,
  overflows: number,
  drops: number,
  cookies: number,
];
