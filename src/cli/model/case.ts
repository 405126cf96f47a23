import type { ModelValues } from 'listenq/kernel';

export const GROUPS = [
  'accept queue',
  'AF_UNIX queue',
  'SYN queue',
  'full accept queue',
  'last ACK',
  'random combinations',
  'timers',
] as const;

export type Group = (typeof GROUPS)[number];

/** How the kernel is asked. */
export type Kind =
  | 'accept queue'
  | 'stream'
  | 'seqpacket'
  | 'SYN queue'
  | 'full queue'
  | 'last ACK'
  | 'SYN times'
  | 'half-open life'
  | 'crowded';

/** Sysctls of a private network namespace. */
export type Settings = Partial<ModelValues>;

/** One combination of a backlog and limits, and what is looked at. */
export interface Case {
  group: Group;
  kind: Kind;
  backlog: number;
  settings: Settings;
  /** Connections that wait already when the SYN queue is filled. */
  waiting?: number;
  /** Queues that hold more are filled so far. */
  fillUpTo: number;
}

/** 'SYN queue: backlog 5, tcp_max_syn_backlog 64, tcp_syncookies 0' */
export function titleOf({ kind, backlog, settings, waiting }: Case, sysctls: Record<string, string>): string {
  const parts = Object.entries(settings).map(
    ([key, value]) => `${(sysctls[key] ?? key).replace(/.*\./, '')} ${value}`,
  );
  const first = waiting === undefined ? [] : [`${waiting} waiting`];
  return `${kind}: ${[`backlog ${backlog}`, ...first, ...parts].join(', ')}`;
}
