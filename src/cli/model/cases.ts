import { GROUPS, type Case, type Group, type Kind, type Settings } from './case';
import { randomCases, type Randomness } from './random';

const INT32_MAX = 2147483647;

export interface Choice extends Randomness {
  /** Leaves out what takes long: queues of more than some thousand, most of the grid, and waits of many seconds. */
  quick: boolean;
  /** Only these; all, if it is left out. */
  groups?: readonly Group[] | undefined;
}

const FILL_UP_TO = { all: 70_000, quick: 2_000 };

const BACKLOGS = [-1, 0, 1, 2, 5, 128, 4096, 65536];
const SOMAXCONNS = [0, 1, 128, 4096, INT32_MAX];
const SYN_BACKLOGS = [0, 1, 2, 4, 5, 8, 16, 64, 128, 256, 1024, 2048];
const SYN_QUEUES = [0, 1, 2, 5, 16, 64, 128, 511, 1024, 4096];

/** What a case takes of a setting that it isn't about. */
const PLAIN = { somaxconn: INT32_MAX, tcpMaxSynBacklog: 2048, tcpSyncookies: 1, tcpAbortOnOverflow: 0 };

/** Every combination that is looked at, in the order of the groups. */
export function allCases(choice: Choice): Case[] {
  const fillUpTo = choice.quick ? FILL_UP_TO.quick : FILL_UP_TO.all;
  const make = (group: Group, kind: Kind, backlog: number, settings: Settings, waiting?: number): Case => ({
    group,
    kind,
    backlog,
    settings: { ...PLAIN, ...settings },
    ...(waiting === undefined ? {} : { waiting }),
    fillUpTo,
  });
  const cases = [
    ...acceptQueues(make),
    ...synQueues(make, choice.quick),
    ...fullQueues(make),
    ...lastAcks(make),
    ...randomCases(choice, make),
    ...timers(make, choice.quick),
  ];
  const groups = choice.groups ?? GROUPS;
  return cases.filter(({ group }) => groups.includes(group));
}

export type Make = (group: Group, kind: Kind, backlog: number, settings: Settings, waiting?: number) => Case;

function acceptQueues(make: Make): Case[] {
  const pairs = BACKLOGS.flatMap((backlog) => SOMAXCONNS.map((somaxconn) => ({ backlog, somaxconn })));
  return [
    ...[0, 1].flatMap((tcpAbortOnOverflow) =>
      pairs.map(({ backlog, somaxconn }) =>
        make('accept queue', 'accept queue', backlog, { somaxconn, tcpAbortOnOverflow }),
      ),
    ),
    ...(['stream', 'seqpacket'] as const).flatMap((type) =>
      pairs.map(({ backlog, somaxconn }) => make('AF_UNIX queue', type, backlog, { somaxconn })),
    ),
  ];
}

function synQueues(make: Make, quick: boolean): Case[] {
  const some = (list: number[]): number[] => (quick ? list.filter((value) => value <= 64) : list);
  return [0, 1, 2].flatMap((tcpSyncookies) =>
    some(SYN_BACKLOGS).flatMap((tcpMaxSynBacklog) =>
      some(SYN_QUEUES).map((backlog) =>
        make('SYN queue', 'SYN queue', backlog, { tcpMaxSynBacklog, tcpSyncookies }),
      ),
    ),
  );
}

/** The accept queue full, and half full, when SYNs come. */
function fullQueues(make: Make): Case[] {
  return [0, 1, 2].flatMap((tcpSyncookies) => [
    ...[0, 5, 128].map((backlog) => make('full accept queue', 'full queue', backlog, { tcpSyncookies })),
    make('full accept queue', 'SYN queue', 5, { tcpSyncookies }, 3),
  ]);
}

function lastAcks(make: Make): Case[] {
  return [0, 1].flatMap((tcpAbortOnOverflow) =>
    [0, 1, 2].flatMap((tcpSyncookies) =>
      [0, 2, 5, 64].map((backlog) =>
        make('last ACK', 'last ACK', backlog, { tcpAbortOnOverflow, tcpSyncookies }),
      ),
    ),
  );
}

/** All of these run at once, so that the longest counts: some ten seconds, quick four. */
function timers(make: Make, quick: boolean): Case[] {
  const times = (settings: Settings): Case => make('timers', 'SYN times', 0, settings);
  const life = (settings: Settings): Case => make('timers', 'half-open life', 5, settings);
  const short = [
    times({ tcpSynRetries: 1, tcpSynLinearTimeouts: 0 }),
    ...[1, 2, 3].map((tcpSynLinearTimeouts) => times({ tcpSynRetries: 1, tcpSynLinearTimeouts })),
    times({ tcpSynRetries: 2, tcpSynLinearTimeouts: 3, tcpRtoMaxMs: 1000 }),
    times({ tcpSynRetries: 2, tcpSynLinearTimeouts: 0, tcpRtoMaxMs: 1000 }),
    life({ tcpSynackRetries: 0 }),
    life({ tcpSynackRetries: 1 }),
    life({ tcpSynackRetries: 1, tcpRtoMaxMs: 1000 }),
  ];
  if (quick) return short;
  return [
    ...short,
    times({ tcpSynRetries: 2, tcpSynLinearTimeouts: 5 }),
    ...[0, 1, 2].map((tcpSynLinearTimeouts) => times({ tcpSynRetries: 2, tcpSynLinearTimeouts })),
    times({ tcpSynRetries: 3, tcpSynLinearTimeouts: 1, tcpRtoMaxMs: 1500 }),
    life({ tcpSynackRetries: 2 }),
    ...[4, 16, 128].map((backlog) => make('timers', 'crowded', backlog, { tcpSynackRetries: 3 })),
  ];
}
