import type { AcceptLoopStats } from '../accept-loop/stats';
import type { Counters } from '../kernel/counters';
import type { Queue } from '../kernel/queue';

/** What was found at one moment; all instruments are read from it. */
export interface Reading {
  queues: readonly { listener: string; queue: Queue; synLength: number | undefined }[];
  loops: readonly { listener: string; stats: AcceptLoopStats }[];
  /** Empty where /proc does not tell. */
  counters: Counters;
  longestPauseMs: number;
}

export type RefusalCause = 'max_wait' | 'max_waiting' | 'max_connections' | 'block_list';

export interface Labels {
  listener?: string;
  cause?: RefusalCause;
}

export interface Sample {
  value: number;
  labels: Labels;
}

export interface Instrument {
  /** Without the prefix, its words as OpenTelemetry parts them. */
  name: string;
  /** As OpenTelemetry has them: a counter only grows, an up-down counter may be summed, a gauge may not. */
  kind: 'Counter' | 'UpDownCounter' | 'Gauge';
  /** UCUM, with what is counted in braces. */
  unit: '{connection}' | '{packet}' | '{shortage}' | 's';
  description: string;
  labels: readonly (keyof Labels)[];
  /** What a cluster's primary process makes of those of its workers, which may share a queue. */
  ofWorkers: 'sum' | 'max';
  /** What isn't known has no sample. */
  samples: (reading: Reading) => Sample[];
}

/** The one instrument that is told of each connection, rather than read. */
export const WAIT = {
  name: 'wait',
  kind: 'Histogram',
  unit: 's',
  description: 'Time from the end of the handshake until the connection was handed out',
  labels: ['listener'],
  ofWorkers: 'sum',
  boundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
} as const;

/** In the order in which they are exposed. */
export const INSTRUMENTS: readonly Instrument[] = [
  {
    ...{ name: 'queue.length', kind: 'UpDownCounter', unit: '{connection}' },
    description: 'Connections in the accept queue, which wait to be accepted',
    ...ofQueues((queue) => queue.length),
  },
  {
    ...{ name: 'queue.limit', kind: 'UpDownCounter', unit: '{connection}' },
    description: 'The effective backlog; one connection more than this can wait',
    ...ofQueues((queue) => queue.limit),
  },
  {
    ...{ name: 'queue.drops', kind: 'Counter', unit: '{packet}' },
    description: 'SYNs that the listener has dropped',
    ...ofQueues((queue) => queue.drops),
  },
  {
    ...{ name: 'syn_queue.length', kind: 'UpDownCounter', unit: '{connection}' },
    description: 'Half-open connections, which wait for the last packet of their handshake',
    ...ofQueues((_, synLength) => synLength),
  },
  {
    ...{ name: 'accepted', kind: 'Counter', unit: '{connection}' },
    description: 'Connections that the accept loop has taken out of the queue',
    ...ofLoops((stats) => stats.accepted),
  },
  {
    ...{ name: 'waiting', kind: 'UpDownCounter', unit: '{connection}' },
    description: 'Connections that the accept loop has accepted, and nobody has taken yet',
    ...ofLoops((stats) => stats.waiting),
  },
  {
    ...{ name: 'refused', kind: 'Counter', unit: '{connection}' },
    description: 'Connections that the accept loop has refused, by the option that refused them',
    labels: ['listener', 'cause'],
    ofWorkers: 'sum',
    samples: ({ loops }) => loops.flatMap(({ listener, stats }) => refusals(listener, stats.refused)),
  },
  {
    ...{ name: 'shortages', kind: 'Counter', unit: '{shortage}' },
    description: 'How often the accept loop ran out of descriptors or memory',
    ...ofLoops((stats) => stats.shortages),
  },
  {
    ...{ name: 'failed', kind: 'Counter', unit: '{connection}' },
    description: 'Connections that failed while they were accepted',
    ...ofLoops((stats) => stats.failed),
  },
  {
    ...{ name: 'namespace.listen_overflows', kind: 'Counter', unit: '{packet}' },
    description: 'Packets that met a full accept queue, of any listener of the network namespace',
    ...ofNamespace('listenOverflows'),
  },
  {
    ...{ name: 'namespace.listen_drops', kind: 'Counter', unit: '{packet}' },
    description: 'Packets that listeners of the network namespace have dropped, for whatever reason',
    ...ofNamespace('listenDrops'),
  },
  {
    ...{ name: 'event_loop.longest_pause', kind: 'Gauge', unit: 's' },
    description: 'The longest pause of the event loop within the last minute',
    ...{ labels: [], ofWorkers: 'max' },
    samples: ({ longestPauseMs }) => known(longestPauseMs / 1000, {}),
  },
];

type Samples = Pick<Instrument, 'labels' | 'ofWorkers' | 'samples'>;

function ofQueues(value: (queue: Queue, synLength: number | undefined) => number | undefined): Samples {
  return {
    ...{ labels: ['listener'], ofWorkers: 'max' },
    samples: ({ queues }) =>
      queues.flatMap(({ listener, queue, synLength }) => known(value(queue, synLength), { listener })),
  };
}

function ofLoops(value: (stats: AcceptLoopStats) => number): Samples {
  return {
    ...{ labels: ['listener'], ofWorkers: 'sum' },
    samples: ({ loops }) => loops.flatMap(({ listener, stats }) => known(value(stats), { listener })),
  };
}

function ofNamespace(counter: string): Samples {
  return { labels: [], ofWorkers: 'max', samples: ({ counters }) => known(counters[counter], {}) };
}

function refusals(listener: string, refused: AcceptLoopStats['refused']): Sample[] {
  const { maxWaitMs, maxWaiting, maxConnections, blockList } = refused;
  const byCause = { max_wait: maxWaitMs, max_waiting: maxWaiting, max_connections: maxConnections };
  return Object.entries({ ...byCause, block_list: blockList }).map(([cause, value]) => ({
    value,
    labels: { listener, cause: cause as RefusalCause },
  }));
}

function known(value: number | undefined, labels: Labels): Sample[] {
  return value === undefined ? [] : [{ value, labels }];
}
