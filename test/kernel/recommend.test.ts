import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listen } from 'listenq';
import { recommendBacklog, type Load, type ModelLimits } from 'listenq/kernel';
import { readFileSync } from 'node:fs';
import { privateNetwork } from '../support/machine';
import { beginConnect, closeAll, isConnected } from '../support/sockets';

const ROOMY: ModelLimits = { somaxconn: 2 ** 31 - 1, tcpSyncookies: 1, tcpMaxSynBacklog: 2048 };

function recommended(
  arrivalsPerSecond: number,
  longestPauseMs: number,
  limits: ModelLimits = ROOMY,
): ReturnType<typeof recommendBacklog> {
  return recommendBacklog({ arrivalsPerSecond, longestPauseMs, limits });
}

/** The probability of more than `k` arrivals, by adding up those of 0 to `k`: good for means of some hundred. */
function tail(k: number, mean: number): number {
  let beyond = 0;
  let logarithm = -mean;
  for (let i = 1; i < k + 400; i++) {
    logarithm += Math.log(mean / i);
    if (i > k) beyond += Math.exp(logarithm);
  }
  return beyond;
}

for (const mean of [0.001, 0.5, 1, 10, 100, 500]) {
  test(`recommendBacklog: ${mean} expected: the least room that is too small once in a million pauses`, () => {
    const { backlog, waiting, expected, margin, overflowChance } = recommended(mean, 1000);
    assert.equal(waiting, backlog + 1);
    assert.equal(expected, mean);
    assert.equal(margin, waiting - mean);
    assert.ok(tail(waiting, mean) <= 1e-6, String(tail(waiting, mean)));
    assert.ok(waiting === 1 || tail(waiting - 1, mean) > 1e-6);
    assert.ok(Math.abs(overflowChance / tail(waiting, mean) - 1) < 1e-6, String(overflowChance));
  });
}

test('recommendBacklog: for many, some five standard deviations above the mean', () => {
  for (const mean of [1e4, 1e6, 1e9]) {
    const { margin } = recommended(mean, 1000);
    assert.ok(margin > 4.7 * Math.sqrt(mean) && margin < 4.9 * Math.sqrt(mean), `${mean}: ${margin}`);
  }
});

test('recommendBacklog: nobody comes, or there is no pause: 0', () => {
  for (const [rate, pause] of [
    [0, 1000],
    [1000, 0],
  ] as const) {
    const { backlog, waiting, expected, overflowChance } = recommended(rate, pause);
    assert.deepEqual([backlog, waiting, expected, overflowChance], [0, 1, 0, 0]);
  }
  assert.equal(recommended(0, 1000).nodeDefault.fullAfterMs, undefined);
});

test("recommendBacklog: what Node's 511 would give, under the same load", () => {
  const { nodeDefault, why } = recommended(2000, 3000);
  assert.equal(nodeDefault.waiting, 512);
  assert.equal(nodeDefault.refused, 6000 - 512);
  assert.equal(nodeDefault.fullAfterMs, 256);
  assert.equal(nodeDefault.overflowChance, 1);
  assert.ok(
    why.some((sentence) => sentence.includes('511') && sentence.includes('5488')),
    why.join('\n'),
  );
  const enough = recommended(100, 1000);
  assert.ok(enough.nodeDefault.overflowChance < 1e-6);
  assert.ok(enough.why.some((sentence) => sentence.includes('511 would do')));
  assert.equal(recommended(100, 1000, { ...ROOMY, somaxconn: 10 }).nodeDefault.waiting, 11);
});

test('recommendBacklog: the mean of those whom 511 refuses, as added up', () => {
  let refused = 0;
  for (let k = 512; k < 900; k++) refused += tail(k, 500);
  assert.ok(Math.abs(recommended(500, 1000).nodeDefault.refused / refused - 1) < 1e-6);
});

test('recommendBacklog: somaxconn stands in the way where it is less, with the command that changes it', () => {
  const { backlog, obstacles } = recommended(2000, 3000, { ...ROOMY, somaxconn: 4096 });
  assert.deepEqual(obstacles, [
    {
      sysctl: 'net.core.somaxconn',
      value: 4096,
      needed: backlog,
      why: 'it caps every backlog, at listen(2)',
      set: `sysctl -w net.core.somaxconn=${backlog}`,
    },
  ]);
  assert.deepEqual(recommended(2000, 3000, { ...ROOMY, somaxconn: backlog }).obstacles, []);
});

test('recommendBacklog: tcp_max_syn_backlog stands in the way only without cookies', () => {
  const limits = { ...ROOMY, tcpMaxSynBacklog: 1024, tcpSyncookies: 0 };
  const { backlog, obstacles } = recommended(2000, 3000, limits);
  assert.deepEqual(
    obstacles.map(({ sysctl, value }) => [sysctl, value]),
    [['net.ipv4.tcp_max_syn_backlog', 1024]],
  );
  const needed = obstacles[0]?.needed ?? 0;
  assert.equal(obstacles[0]?.set, `sysctl -w net.ipv4.tcp_max_syn_backlog=${needed}`);
  assert.ok(needed - (needed >> 2) >= backlog && needed - 1 - ((needed - 1) >> 2) < backlog);
  assert.deepEqual(recommended(2000, 3000, { ...limits, tcpMaxSynBacklog: needed }).obstacles, []);
  assert.deepEqual(recommended(2000, 3000, { ...limits, tcpSyncookies: 1 }).obstacles, []);
});

const WRONG: [title: string, load: unknown, code: string, message: RegExp][] = [
  ['nothing', undefined, 'ERR_INVALID_ARG_TYPE', /load/],
  ['no rate', { longestPauseMs: 1 }, 'ERR_INVALID_ARG_TYPE', /arrivalsPerSecond/],
  ['no pause', { arrivalsPerSecond: 1 }, 'ERR_INVALID_ARG_TYPE', /longestPauseMs/],
  ['a negative rate', { arrivalsPerSecond: -1, longestPauseMs: 1 }, 'ERR_OUT_OF_RANGE', /-1/],
  ['NaN', { arrivalsPerSecond: NaN, longestPauseMs: 1 }, 'ERR_OUT_OF_RANGE', /NaN/],
  ['an endless pause', { arrivalsPerSecond: 1, longestPauseMs: Infinity }, 'ERR_OUT_OF_RANGE', /Infinity/],
  ['an unknown name', { arrivalsPerSecond: 1, longestPauseMs: 1, rate: 2 }, 'ERR_INVALID_ARG_VALUE', /rate/],
  [
    'a wrong limit',
    { arrivalsPerSecond: 1, longestPauseMs: 1, limits: { somaxconn: -1 } },
    'ERR_OUT_OF_RANGE',
    /load\.limits\.somaxconn/,
  ],
  ['2^31 expected', { arrivalsPerSecond: 2 ** 31, longestPauseMs: 1000 }, 'ERR_OUT_OF_RANGE', /2147483647/],
  [
    'an int32 expected, whose margin is not one',
    { arrivalsPerSecond: 2 ** 31 - 1, longestPauseMs: 1000 },
    'ERR_OUT_OF_RANGE',
    /2147483647/,
  ],
  [
    'what no number holds',
    { arrivalsPerSecond: 1e300, longestPauseMs: 1e300 },
    'ERR_OUT_OF_RANGE',
    /Infinity/,
  ],
];

for (const [title, load, code, message] of WRONG) {
  test(`recommendBacklog: ${title}: ${code}`, () => {
    assert.throws(() => recommendBacklog(load as Load), { code, message });
  });
}

const alone = privateNetwork();
const RATE = 2000;
const PAUSE_MS = 250;

/** Moments of arrivals that know nothing of each other, in milliseconds; the same ones in each run. */
function arrivals(): number[] {
  let state = 1;
  const moments = [];
  for (let moment = 0; ; moments.push(moment)) {
    // Lehmer's generator, with the numbers of Park and Miller.
    state = (state * 48271) % 2147483647;
    moment -= (Math.log(state / 2147483647) * 1000) / RATE;
    if (moment > PAUSE_MS) return moments;
  }
}

function overflows(): number {
  const lines = readFileSync('/proc/thread-self/net/netstat', 'utf8').split('\n');
  const [names, values] = lines.filter((line) => line.startsWith('TcpExt: ')).map((line) => line.split(' '));
  return Number(values?.[names?.indexOf('ListenOverflows') ?? -1]);
}

/** Clients come when it is their moment, and nobody accepts. @returns overflows, and how many are connected */
function pause(backlog: number): { refused: number; connected: number; came: number } {
  const before = overflows();
  const listener = listen({ host: '127.0.0.1', backlog });
  const start = performance.now();
  const clients = arrivals().map((moment) => {
    while (performance.now() - start < moment);
    return beginConnect(listener.address());
  });
  const connected = clients.filter(isConnected).length;
  const refused = overflows() - before;
  closeAll([...clients, listener]);
  return { refused, connected, came: clients.length };
}

test('recommendBacklog: a listener with it lets every client of the pause wait', { skip: alone }, () => {
  const { backlog, expected } = recommended(RATE, PAUSE_MS);
  const { refused, connected, came } = pause(backlog);
  assert.ok(Math.abs(came - expected) < 4 * Math.sqrt(expected), `${came} came`);
  assert.deepEqual([refused, connected], [0, came]);
});

test('recommendBacklog: with half of it, a part of them is refused', { skip: alone }, () => {
  const half = Math.floor(recommended(RATE, PAUSE_MS).backlog / 2);
  const { refused, connected, came } = pause(half);
  assert.equal(connected, half + 1);
  assert.ok(refused >= came - connected && came > connected, `${refused} of ${came}`);
});
