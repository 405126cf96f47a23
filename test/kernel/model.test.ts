import assert from 'node:assert/strict';
import * as os from 'node:os';
import { test } from 'node:test';
import { explainBacklog, limits, SYSCTLS, type ModelLimits } from 'listenq/kernel';
import { inChild } from '../support/child';
import { anyOf, needsRoot, needsTool, privateNetwork, setSysctl } from '../support/machine';

const INT32_MAX = 2 ** 31 - 1;

/** Every limit that the model knows, so that nothing of this machine plays a part. */
const LIMITS: ModelLimits = {
  kernelRelease: '6.18.44',
  somaxconn: 4096,
  tcpMaxSynBacklog: 2048,
  tcpAbortOnOverflow: 0,
  tcpSyncookies: 1,
  tcpSynackRetries: 5,
  tcpSynRetries: 6,
  tcpSynLinearTimeouts: 4,
  tcpRtoMaxMs: 120_000,
};

function explained(n: number, change: ModelLimits = {}): ReturnType<typeof explainBacklog> {
  return explainBacklog(n, { ...LIMITS, ...change });
}

const SOMAXCONNS = [0, 1, 128, 4096, INT32_MAX];
/** How many wait, by backlog and the somaxconn of that place, as measured on Linux 6.18. */
const WAITING: [backlog: number, waiting: number[]][] = [
  [-1, [1, 2, 129, 4097, 2 ** 31]],
  [0, [1, 1, 1, 1, 1]],
  [1, [1, 2, 2, 2, 2]],
  [2, [1, 2, 3, 3, 3]],
  [5, [1, 2, 6, 6, 6]],
  [128, [1, 2, 129, 129, 129]],
  [4096, [1, 2, 129, 4097, 4097]],
  [65536, [1, 2, 129, 4097, 65537]],
];

for (const [backlog, waiting] of WAITING) {
  test(`explainBacklog: ${backlog} under somaxconn ${SOMAXCONNS.join(', ')}`, () => {
    const predicted = SOMAXCONNS.map((somaxconn) => explained(backlog, { somaxconn }));
    assert.deepEqual(
      predicted.map(({ tcp }) => tcp.waiting),
      waiting,
    );
    assert.deepEqual(
      predicted.map(({ unix }) => unix.waiting),
      waiting,
    );
    for (const { tcp, unix } of predicted) {
      assert.equal(tcp.backlog, tcp.waiting - 1);
      assert.equal(unix.backlog, tcp.backlog);
      assert.deepEqual(unix.next, { blocking: 'waits', nonBlocking: 'EAGAIN' });
    }
  });
}

test('explainBacklog: cappedBy names somaxconn where it made the backlog less, and only there', () => {
  const capped = [-1, 127, 128, 129].map((n) => explained(n, { somaxconn: 128 }));
  const expected = ['net.core.somaxconn', undefined, undefined, 'net.core.somaxconn'];
  assert.deepEqual(
    capped.map(({ tcp }) => tcp.cappedBy),
    expected,
  );
  assert.deepEqual(
    capped.map(({ unix }) => unix.cappedBy),
    expected,
  );
});

const BACKLOGS = [0, 1, 2, 5, 16, 64, 128, 511, 1024, 4096];
/** Half-open connections that fit without cookies, by tcp_max_syn_backlog and backlog, as measured on Linux 6.18. */
const HALF_OPEN: [tcpMaxSynBacklog: number, most: number[]][] = [
  [0, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]],
  [1, [1, 2, 2, 2, 2, 2, 2, 2, 2, 2]],
  [2, [1, 2, 3, 3, 3, 3, 3, 3, 3, 3]],
  [4, [1, 2, 3, 4, 4, 4, 4, 4, 4, 4]],
  [5, [1, 2, 3, 5, 5, 5, 5, 5, 5, 5]],
  [8, [1, 2, 3, 6, 7, 7, 7, 7, 7, 7]],
  [16, [1, 2, 3, 6, 13, 13, 13, 13, 13, 13]],
  [64, [1, 2, 3, 6, 17, 49, 49, 49, 49, 49]],
  [128, [1, 2, 3, 6, 17, 65, 97, 97, 97, 97]],
  [256, [1, 2, 3, 6, 17, 65, 129, 193, 193, 193]],
  [1024, [1, 2, 3, 6, 17, 65, 129, 512, 769, 769]],
  [2048, [1, 2, 3, 6, 17, 65, 129, 512, 1025, 1537]],
];

for (const [tcpMaxSynBacklog, most] of HALF_OPEN) {
  test(`explainBacklog: half-open connections, tcp_max_syn_backlog ${tcpMaxSynBacklog}, cookies 0, 1, 2`, () => {
    const with_ = (tcpSyncookies: number): number[] =>
      BACKLOGS.map((n) => explained(n, { tcpMaxSynBacklog, tcpSyncookies }).tcp.halfOpen.most);
    assert.deepEqual(with_(0), most);
    assert.deepEqual(
      with_(1),
      BACKLOGS.map((n) => n + 1),
    );
    assert.deepEqual(
      with_(2),
      BACKLOGS.map(() => 0),
    );
  });
}

const COOKIE = { tcpReqQFullDoCookies: 1, syncookiesSent: 1 };

test('explainBacklog: what stops a SYN beyond the SYN queue, and the counters that move', () => {
  const beyond = (tcpSyncookies: number, tcpMaxSynBacklog: number): unknown[] => {
    const { halfOpen } = explained(64, { tcpSyncookies, tcpMaxSynBacklog }).tcp;
    return [halfOpen.boundBy, halfOpen.beyond, halfOpen.counters, halfOpen.honestClient];
  };
  const full = { listenDrops: 1, tcpReqQFullDrop: 1 };
  assert.deepEqual(beyond(0, 2048), ['backlog', 'drop', full, 'silence']);
  assert.deepEqual(beyond(0, 64), ['net.ipv4.tcp_max_syn_backlog', 'drop', { listenDrops: 1 }, 'silence']);
  assert.deepEqual(beyond(1, 64), ['backlog', 'cookie', COOKIE, 'connects']);
  assert.deepEqual(beyond(2, 64), ['net.ipv4.tcp_syncookies', 'cookie', COOKIE, 'connects']);
});

test('explainBacklog: a SYN at a full accept queue: cookies 2 are counted, and not sent', () => {
  const dropped = { listenOverflows: 1, listenDrops: 1 };
  for (const [tcpSyncookies, counters] of [
    [0, dropped],
    [1, dropped],
    [2, { ...dropped, tcpReqQFullDoCookies: 1 }],
  ] as const) {
    const { next, halfOpen } = explained(5, { tcpSyncookies }).tcp;
    assert.deepEqual(next.counters, counters);
    assert.deepEqual(halfOpen.whileQueueFull.counters, counters);
  }
});

test('explainBacklog: where no handshake may be under way, nobody gets in', () => {
  const { waiting, next, halfOpen } = explained(5, { tcpSyncookies: 0, tcpMaxSynBacklog: -4 }).tcp;
  assert.deepEqual([waiting, halfOpen.most, next.sees], [0, 0, 'silence']);
  assert.deepEqual(next.counters, { listenDrops: 1 });
  assert.equal(explained(5, { tcpSyncookies: 1, tcpMaxSynBacklog: -4 }).tcp.waiting, 6);
});

test('explainBacklog: the last ACK at a full queue, by tcp_abort_on_overflow; the next SYN is the same', () => {
  const dropped = { listenOverflows: 1, listenDrops: 1 };
  assert.deepEqual(explained(5).tcp.lastAck, { sees: 'silence', counters: dropped });
  const { lastAck, next } = explained(5, { tcpAbortOnOverflow: 1 }).tcp;
  assert.deepEqual(lastAck, { sees: 'reset', counters: { ...dropped, embryonicRsts: 1 } });
  assert.equal(next.sees, 'silence');
});

test('explainBacklog: the last ACK of a client with a cookie is dropped and counted, never reset', () => {
  const lastAck = {
    sees: 'silence',
    counters: { listenOverflows: 1, listenDrops: 1, syncookiesRecv: 1 },
  };
  for (const tcpAbortOnOverflow of [0, 1]) {
    const change = { tcpSyncookies: 2, tcpAbortOnOverflow };
    assert.deepEqual(explained(5, change).tcp.lastAck, lastAck);
    const { sees, counters } = explained(5, { ...change, kernelRelease: '4.9.1' }).tcp.next;
    assert.deepEqual([sees, counters], ['ghost', lastAck.counters]);
  }
});

const SYN_TIMES: [change: ModelLimits, retries: number[], givesUp: number][] = [
  [{}, [1, 2, 3, 4, 5, 7, 11, 19, 35, 67], 131],
  [{ tcpSynLinearTimeouts: 0 }, [1, 3, 7, 15, 31, 63], 127],
  [{ kernelRelease: '6.4.0' }, [1, 3, 7, 15, 31, 63], 127],
  [{ tcpSynRetries: 1, tcpSynLinearTimeouts: 0 }, [1], 3],
  [{ tcpSynRetries: 2, tcpSynLinearTimeouts: 1 }, [1, 2, 4], 8],
  // Even intervals do not make the whole longer than it would be without them, up to the timer that is due.
  [{ tcpSynRetries: 1, tcpSynLinearTimeouts: 3 }, [1, 2], 3],
  [{ tcpSynRetries: 2, tcpSynLinearTimeouts: 0, tcpRtoMaxMs: 1000 }, [1, 2], 3],
  [{ tcpSynRetries: 2, tcpSynLinearTimeouts: 0, tcpRtoMaxMs: 1000, kernelRelease: '6.14.0' }, [1, 3], 7],
];

for (const [change, retries, givesUp] of SYN_TIMES) {
  test(`explainBacklog: the SYN times of the next client under ${JSON.stringify(change)}`, () => {
    const { retriesMs, givesUpMs } = explained(5, change).tcp.next;
    assert.deepEqual(
      retriesMs,
      retries.map((s) => s * 1000),
    );
    assert.equal(givesUpMs, givesUp * 1000);
  });
}

test('explainBacklog: life of a half-open connection, and how far a crowded queue is thinned', () => {
  const lives = [0, 1, 5, 7].map(
    (tcpSynackRetries) => explained(5, { tcpSynackRetries }).tcp.halfOpen.lifeMs,
  );
  assert.deepEqual(lives, [1000, 3000, 63_000, 247_000]);
  const crowds = [0, 4, 16, 17, 128].map((n) => explained(n).tcp.halfOpen.crowded);
  assert.deepEqual(
    crowds,
    [4, 4, 8, 8, 64].map((above) => ({ above, lifeMs: 7000 })),
  );
  assert.equal(explained(128, { tcpSynackRetries: 1 }).tcp.halfOpen.crowded.lifeMs, 3000);
});

test('explainBacklog: tcp_rto_max_ms bounds the life of half-open connections from Linux 6.19 on', () => {
  const change = { tcpSynackRetries: 2, tcpRtoMaxMs: 1000 };
  assert.equal(explained(5, change).tcp.halfOpen.lifeMs, 7000);
  assert.equal(explained(5, { ...change, kernelRelease: '6.19.0' }).tcp.halfOpen.lifeMs, 3000);
});

test('explainBacklog: before Linux 6.13 the SYN queue is full at the backlog, but for stable kernels that say so', () => {
  const holds = (kernelRelease: string): number => explained(5, { kernelRelease }).tcp.halfOpen.most;
  assert.deepEqual(['6.13.0', '6.12.10', '6.6.72', '5.4.290-rc1'].map(holds), [6, 6, 6, 6]);
  assert.deepEqual(['6.12.9', '6.11.99', '6.1.0-28-amd64', '5.4.0'].map(holds), [5, 5, 5, 5]);
  const doubts = (kernelRelease: string): number => explained(5, { kernelRelease }).assumed.length;
  assert.deepEqual(['6.13.0', '6.12.10', '6.1.0-28-amd64'].map(doubts), [0, 0, 1]);
});

test('explainBacklog: before Linux 6.13, backlog 0 without cookies admits nobody', () => {
  const { waiting, next } = explained(0, { kernelRelease: '5.10.1', tcpSyncookies: 0 }).tcp;
  assert.equal(waiting, 0);
  assert.deepEqual(next.counters, { listenDrops: 1, tcpReqQFullDrop: 1 });
  assert.equal(explained(0, { kernelRelease: '5.10.1' }).tcp.waiting, 1);
});

test('explainBacklog: before Linux 4.10 the next client connects, and is a ghost or is reset', () => {
  const next = (change: ModelLimits): unknown => {
    const { sees, retriesMs, givesUpMs } = explained(5, { kernelRelease: '4.9.1', ...change }).tcp.next;
    return [sees, retriesMs, givesUpMs];
  };
  assert.deepEqual(next({}), ['ghost', [], undefined]);
  assert.deepEqual(next({ tcpAbortOnOverflow: 1 }), ['reset', [], undefined]);
});

test('explainBacklog: of another kernel, what is not given is its default, and named', () => {
  const { limits: used, assumed } = explainBacklog(511, { kernelRelease: '4.19.0', tcpSyncookies: 0 });
  assert.equal(used.somaxconn, 128);
  assert.equal(used.tcpSynLinearTimeouts, 0);
  assert.ok(assumed.includes('net.core.somaxconn: 128, the default of Linux 4.19'), assumed.join('\n'));
  assert.ok(assumed.includes('net.ipv4.tcp_max_syn_backlog: 128, the least default of Linux 4.19'));
  assert.ok(!assumed.some((clause) => clause.includes('tcp_syncookies') || clause.includes('linear')));
  assert.equal(explainBacklog(511, { kernelRelease: '5.4.0' }).limits.somaxconn, 4096);
  assert.deepEqual(explained(511).assumed, []);
});

const WRONG: [title: string, args: unknown[], code: string, named: RegExp][] = [
  ['no backlog', [undefined], 'ERR_INVALID_ARG_TYPE', /^n must be/],
  ['a backlog as text', ['5'], 'ERR_INVALID_ARG_TYPE', /^n must be/],
  ['half a backlog', [1.5], 'ERR_OUT_OF_RANGE', /1\.5/],
  ['NaN', [NaN], 'ERR_OUT_OF_RANGE', /NaN/],
  ['2^31', [2 ** 31], 'ERR_OUT_OF_RANGE', /2147483648/],
  ['-2^31 - 1', [-(2 ** 31) - 1], 'ERR_OUT_OF_RANGE', /-2147483649/],
  ['limits that are none', [5, 7], 'ERR_INVALID_ARG_TYPE', /limits/],
  ['a limit that nobody knows', [5, { somaxcon: 1 }], 'ERR_INVALID_ARG_VALUE', /limits\.somaxcon/],
  ['a somaxconn below 0', [5, { somaxconn: -1 }], 'ERR_OUT_OF_RANGE', /limits\.somaxconn/],
  ['a somaxconn as text', [5, { somaxconn: '128' }], 'ERR_INVALID_ARG_TYPE', /limits\.somaxconn/],
  ['tcp_syn_retries 0', [5, { tcpSynRetries: 0 }], 'ERR_OUT_OF_RANGE', /limits\.tcpSynRetries/],
  ['tcp_rto_max_ms 999', [5, { tcpRtoMaxMs: 999 }], 'ERR_OUT_OF_RANGE', /limits\.tcpRtoMaxMs/],
  ['a limit without a part in it, wrong', [5, { tcpFastopen: 0.5 }], 'ERR_OUT_OF_RANGE', /tcpFastopen/],
  ['a release that is none', [5, { kernelRelease: 'linux' }], 'ERR_INVALID_ARG_VALUE', /'linux'/],
  ['a release as number', [5, { kernelRelease: 6.18 }], 'ERR_INVALID_ARG_TYPE', /kernelRelease/],
  ['Linux 4.3', [5, { kernelRelease: '4.3.6' }], 'ERR_INVALID_ARG_VALUE', /4\.4 or later/],
  ['Linux 3.10', [5, { kernelRelease: '3.10.0-1160.el7' }], 'ERR_INVALID_ARG_VALUE', /4\.4 or later/],
];

for (const [title, args, code, message] of WRONG) {
  test(`explainBacklog: ${title}: ${code}`, () => {
    assert.throws(() => (explainBacklog as (...args: unknown[]) => unknown)(...args), { code, message });
  });
}

const alone = privateNetwork();

test('explainBacklog: without limits, those of the calling thread, at the call', { skip: alone }, () => {
  setSysctl('net.core.somaxconn', 77);
  setSysctl('net.ipv4.tcp_syncookies', 0);
  const explanation = explainBacklog(511);
  assert.equal(explanation.asked, 511);
  assert.equal(explanation.kernelRelease, os.release());
  assert.equal(explanation.tcp.waiting, 78);
  assert.equal(explanation.tcp.halfOpen.beyond, 'drop');
  assert.deepEqual(explainBacklog(511, limits()), explanation);
  assert.equal(explainBacklog(511, { somaxconn: 100 }).tcp.waiting, 101);
  setSysctl('net.core.somaxconn', 4096);
  setSysctl('net.ipv4.tcp_syncookies', 1);
});

test(
  'explainBacklog: limits that cannot be read are assumed, and named',
  { skip: anyOf(needsRoot(), needsTool('unshare')) },
  () => {
    const { result } = inChild(
      () => {
        const { explainBacklog: explain } = require('listenq/kernel') as typeof import('listenq/kernel');
        return explain(511).assumed;
      },
      { under: ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /proc/sys/net && exec "$@"', 'sh'] },
    );
    const named = Object.values(SYSCTLS).filter((name) =>
      result.some((clause) => clause.startsWith(`${name}: `)),
    );
    assert.ok(named.includes('net.core.somaxconn') && named.length >= 6, result.join('\n'));
  },
);
