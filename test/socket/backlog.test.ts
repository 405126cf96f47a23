import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import * as path from 'node:path';
import { test } from 'node:test';
import { listen, listenDualStack } from 'listenq';
import { privateNetwork, setSysctl, temporaryFolder } from '../support/machine';
import { queueOfDescriptor } from '../support/queue';
import { needsStrace, traced } from '../support/strace';

const alone = privateNetwork();
const INT_MIN = -(2 ** 31);
const INT_MAX = 2 ** 31 - 1;
const folder = temporaryFolder();

const SPREAD = [
  INT_MIN,
  INT_MIN + 1,
  -65536,
  -511,
  -2,
  -1,
  0,
  1,
  2,
  5,
  127,
  128,
  511,
  512,
  4095,
  4096,
  4097,
  65535,
  65536,
];
const RANDOM = Array.from({ length: 24 }, () => randomInt(-(2 ** 31), 2 ** 31));
const ALL = [...SPREAD, INT_MAX - 1, INT_MAX, ...RANDOM];

/** What the kernel makes of a backlog: it compares without sign. */
function limitOf(backlog: number, somaxconn: number): number {
  return Math.min(backlog >>> 0, somaxconn);
}

/** The second argument of each listen(2). */
function backlogsIn(calls: string[]): string[] {
  return calls.map((line) => /^listen\(\d+, (-?\d+)\)\s+= 0$/.exec(line)?.[1] ?? line);
}

test(
  `listen: any int32 shows as listen(fd, n) under strace: ${ALL.join(' ')}`,
  { skip: needsStrace() },
  () => {
    const { result, calls } = traced(
      'listen',
      (q, _, backlogs: number[]) =>
        backlogs.map((backlog) => {
          const listener = q.listen({ port: 0, host: '127.0.0.1', backlog });
          const seen = { fd: listener.fd, backlog: listener.backlog, limit: listener.queue().limit };
          listener.close();
          return { ...seen, somaxconn: q.limits().somaxconn ?? -1 };
        }),
      { data: ALL },
    );
    assert.equal(calls.length, ALL.length, 'one listen(2) each');
    ALL.forEach((backlog, i) => {
      const { fd, backlog: asked, limit, somaxconn } = result[i] as (typeof result)[number];
      assert.match(calls[i] as string, new RegExp(`^listen\\(${fd}, ${backlog}\\)\\s+= 0$`));
      assert.equal(asked, backlog);
      assert.equal(limit, limitOf(backlog, somaxconn));
    });
  },
);

test(
  'listen: paths, abstract names, IPv6, dual stack and adopted descriptors hand it over too',
  { skip: needsStrace() },
  () => {
    const { calls } = traced(
      'listen',
      (q, s, place: string) => {
        const made = [
          q.listen({ path: `${place}/s`, backlog: -7 }),
          q.listen({ path: `${place}/q`, seqpacket: true, backlog: 0 }),
          q.listen({ path: '\0listenq-backlog', backlog: 2147483647 }),
          q.listen({ host: '::1', backlog: -2147483648 }),
          q.listen({ backlog: 65536 }),
          ...q.listenDualStack({ backlog: 3 }),
          q.listen({ fd: s.socket(s.AF_INET, s.SOCK_STREAM), backlog: 0 }),
        ];
        for (const listener of made) listener.close();
      },
      { data: folder },
    );
    assert.deepEqual(backlogsIn(calls), ['-7', '0', '2147483647', '-2147483648', '65536', '3', '3', '0']);
  },
);

test('setBacklog: each int32 shows as listen(fd, n) under strace', { skip: needsStrace() }, () => {
  const { result, calls } = traced(
    'listen',
    (q, _, backlogs: number[]) => {
      const listener = q.listen({ host: '127.0.0.1', backlog: 1 });
      const asked = backlogs.map((backlog) => {
        listener.setBacklog(backlog);
        return listener.backlog;
      });
      listener.close();
      return asked;
    },
    { data: ALL },
  );
  assert.deepEqual(result, ALL);
  assert.deepEqual(backlogsIn(calls), ['1', ...ALL.map(String)]);
});

for (const somaxconn of [0, 1, 128, 4096, INT_MAX]) {
  test(
    `queue: limit with somaxconn ${somaxconn} is min of the backlog without sign`,
    { skip: alone },
    (t) => {
      t.after(() => {
        setSysctl('net.core.somaxconn', 4096);
      });
      setSysctl('net.core.somaxconn', somaxconn);
      for (const backlog of ALL) {
        const tcp = listen({ host: '127.0.0.1', backlog });
        const unix = listen({ path: '\0listenq-limit', backlog });
        assert.equal(tcp.queue().limit, limitOf(backlog, somaxconn), `TCP, ${backlog}`);
        assert.equal(queueOfDescriptor(tcp.fd).limit, limitOf(backlog, somaxconn));
        assert.equal(unix.queue().limit, limitOf(backlog, somaxconn), `AF_UNIX, ${backlog}`);
        tcp.close();
        unix.close();
      }
    },
  );
}

test('listen: without a backlog it is what net.core.somaxconn says at that moment', { skip: alone }, (t) => {
  t.after(() => {
    setSysctl('net.core.somaxconn', 4096);
  });
  for (const somaxconn of [17, 9000, 0, INT_MAX]) {
    setSysctl('net.core.somaxconn', somaxconn);
    const made = [listen({ host: '127.0.0.1' }), listen({ path: '\0listenq-default' }), ...listenDualStack()];
    for (const listener of made) {
      assert.equal(listener.backlog, somaxconn);
      assert.equal(listener.queue().limit, somaxconn);
      listener.close();
    }
  }
});

test('queue: a later change of somaxconn touches it only at setBacklog', { skip: alone }, (t) => {
  t.after(() => {
    setSysctl('net.core.somaxconn', 4096);
  });
  setSysctl('net.core.somaxconn', 10);
  const listener = listen({ host: '127.0.0.1', backlog: -1 });
  setSysctl('net.core.somaxconn', 20);
  assert.equal(listener.queue().limit, 10);
  listener.setBacklog(-1);
  assert.equal(listener.queue().limit, 20);
  listener.close();
});

test(
  'listen: the path of a listener that strace watches is bound before it listens',
  { skip: needsStrace() },
  () => {
    const file = path.join(folder, 'order');
    const { calls } = traced(
      'socket,setsockopt,bind,listen,fchmod,chmod',
      (q, _, place: string) => {
        q.listen({ path: place, backlog: 5, mode: 0o600 }).close();
      },
      { data: file },
    );
    const ours = calls.slice(calls.findIndex((line) => line.includes('fchmod')));
    assert.deepEqual(
      ours.map((line) => line.slice(0, line.indexOf('('))).filter((name) => name !== 'setsockopt'),
      ['fchmod', 'bind', 'listen'],
    );
  },
);
