import { invalidArgValue } from '../../errors';

/** A kernel's version: the first three numbers of uname(2)'s release. */
export interface Release {
  text: string;
  major: number;
  minor: number;
  patch: number;
}

/**
 * The first kernel whose SYN queue is bounded by the backlog: commit ef547f2ac16b. The backlog itself has been a field of
 * 32 bits since 4.1.
 */
const OLDEST = { major: 4, minor: 4 };

/** The stable kernels that took over the change of 6.13, by series. Others did too, without their numbers saying so. */
const SYN_QUEUE_FIXED: Readonly<Record<string, number>> = {
  '5.4': 290,
  '5.10': 234,
  '5.15': 177,
  '6.1': 125,
  '6.6': 72,
  '6.12': 10,
};

/** Where kernels differ from each other, as far as the model goes. */
export interface Differences {
  /** A SYN that meets a full accept queue is dropped: 4.10, commit 5ea8ea2cb7f1. Before, it was answered. */
  dropsSyn: boolean;
  /** The default of net.core.somaxconn: 4096 since 5.4, commit 19f92a030ca6. */
  defaultSomaxconn: number;
  /** A client's first SYNs come at even intervals, by net.ipv4.tcp_syn_linear_timeouts: 6.5, commit ccce324dabfe. */
  linearTimeouts: boolean;
  /** The SYN queue is full above the backlog, no longer at it: 6.13, commit 3479c7549fb1. */
  synQueueHoldsOneMore: boolean;
  /** A client's timers are bounded by net.ipv4.tcp_rto_max_ms, no longer by 120 s: 6.15, commit 1280c26228bd. */
  rtoMaxSysctl: boolean;
  /** And so are those of half-open connections: 6.19, commit 1e9d3005e02c. */
  rtoMaxOfHalfOpen: boolean;
}

/** @throws ERR_INVALID_ARG_VALUE if it is no kernel's, or older than 4.4 */
export function parseRelease(text: string, name: string): Release {
  const [, major, minor, patch] = (/^(\d+)\.(\d+)(?:\.(\d+))?(?![\d.])/.exec(text) ?? []).map(Number);
  if (major === undefined || minor === undefined) {
    throw invalidArgValue(name, `must be a kernel's release, such as '6.18.4'`, text);
  }
  const release = { text, major, minor, patch: Number.isNaN(patch) ? 0 : (patch ?? 0) };
  if (!since(release, OLDEST.major, OLDEST.minor)) {
    throw invalidArgValue(name, 'must be 4.4 or later, as older SYN queues worked otherwise', text);
  }
  return release;
}

/** Only 6.18 has been run; what is said of others rests on their source. */
export function differencesOf(release: Release): Differences {
  const fixed = SYN_QUEUE_FIXED[`${release.major}.${release.minor}`] ?? Infinity;
  return {
    dropsSyn: since(release, 4, 10),
    defaultSomaxconn: since(release, 5, 4) ? 4096 : 128,
    linearTimeouts: since(release, 6, 5),
    synQueueHoldsOneMore: since(release, 6, 13) || release.patch >= fixed,
    rtoMaxSysctl: since(release, 6, 15),
    rtoMaxOfHalfOpen: since(release, 6, 19),
  };
}

/** What the release leaves open: distributions take over changes and keep the number. */
export function doubtsAbout(release: Release): string[] {
  const { dropsSyn, synQueueHoldsOneMore } = differencesOf(release);
  const doubts = [];
  if (!dropsSyn) {
    doubts.push(
      'a SYN that meets a full accept queue is answered, as in Linux before 4.10; later stable kernels drop it',
    );
  }
  if (!synQueueHoldsOneMore) {
    doubts.push(
      'the SYN queue is full at the backlog, as in Linux before 6.13; stable kernels since January 2025 let in one more',
    );
  }
  return doubts;
}

function since(release: Release, major: number, minor: number): boolean {
  return release.major > major || (release.major === major && release.minor >= minor);
}
