import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as c from 'listenq/syscalls';
import type { PollEntry } from 'listenq/syscalls';
import { withFd } from '../support/sockets';

function withPair(use: (a: number, b: number) => void): void {
  const [a, b] = c.socketpair(c.AF_UNIX, c.SOCK_STREAM);
  withFd(a, () => withFd(b, () => use(a, b)));
}

test('poll: returns the ready entries themselves, and fills revents of all', () => {
  withPair((a, b) => {
    c.send(a, Buffer.from('x'));
    const quiet: PollEntry = { fd: a, events: c.POLLIN };
    const loud: PollEntry = { fd: b, events: c.POLLIN | c.POLLOUT };
    const ready = c.poll([quiet, loud], 0);
    assert.equal(ready.length, 1);
    assert.equal(ready[0], loud);
    assert.equal(loud.revents, c.POLLIN | c.POLLOUT);
    assert.equal(quiet.revents, 0);
  });
});

test('poll: overwrites revents of an earlier call', () => {
  withPair((a) => {
    const entry = { fd: a, events: c.POLLIN, revents: 0x1234 };
    assert.deepEqual(c.poll([entry], 0), []);
    assert.equal(entry.revents, 0);
  });
});

test('poll: a negative descriptor is passed over, a closed one is POLLNVAL', () => {
  const entries = [
    { fd: -1, events: c.POLLIN, revents: 0 },
    { fd: -5, events: c.POLLIN, revents: 0 },
    { fd: 2 ** 31 - 1, events: 0, revents: 0 },
  ];
  assert.deepEqual(c.poll(entries, 0), [{ fd: 2 ** 31 - 1, events: 0, revents: c.POLLNVAL }]);
});

test('poll: POLLHUP and POLLRDHUP of a peer that is gone; POLLHUP comes unasked', () => {
  const [a, b] = c.socketpair(c.AF_UNIX, c.SOCK_STREAM);
  c.close(b);
  withFd(a, () => {
    const [unasked] = c.poll([{ fd: a, events: 0, revents: 0 }], 0);
    assert.equal(unasked?.revents, c.POLLHUP);
    const [asked] = c.poll([{ fd: a, events: c.POLLIN | c.POLLRDHUP, revents: 0 }], 0);
    assert.equal(asked?.revents, c.POLLIN | c.POLLRDHUP | c.POLLHUP);
  });
});

test('poll: POLLERR of a refused connection', () => {
  withFd(c.socket(c.AF_INET, c.SOCK_STREAM | c.SOCK_NONBLOCK), (fd) => {
    assert.throws(() => c.connect(fd, { family: 'IPv4', address: '127.0.0.1', port: 1 }));
    const [entry] = c.poll([{ fd, events: c.POLLOUT, revents: 0 }], 5000);
    assert.ok(((entry?.revents ?? 0) & (c.POLLERR | c.POLLHUP)) !== 0);
  });
});

test('poll: waits at least as long as it was told, and gives nothing then', () => {
  withPair((a) => {
    const start = performance.now();
    assert.deepEqual(c.poll([{ fd: a, events: c.POLLIN }], 120), []);
    assert.ok(performance.now() - start >= 119.5);
  });
});

test('poll: timeout -1 returns once something is ready', () => {
  withPair((a) => {
    assert.equal(c.poll([{ fd: a, events: c.POLLOUT }], -1).length, 1);
  });
});

test('poll: no entries only wait', () => {
  const start = performance.now();
  assert.deepEqual(c.poll([], 30), []);
  assert.ok(performance.now() - start >= 29.5);
});

test('poll: one descriptor in several entries, each with its own events', () => {
  withPair((a, b) => {
    c.send(a, Buffer.from('x'));
    const entries = [
      { fd: b, events: c.POLLIN, revents: 0 },
      { fd: b, events: c.POLLOUT, revents: 0 },
    ];
    assert.deepEqual(
      c.poll(entries, 0).map((entry) => entry.revents),
      [c.POLLIN, c.POLLOUT],
    );
  });
});

test('poll: keeps other properties of an entry, and its order', () => {
  withPair((a, b) => {
    const ready = c.poll(
      [
        { fd: b, events: c.POLLOUT, name: 'b' },
        { fd: a, events: c.POLLOUT, name: 'a' },
      ],
      0,
    );
    assert.deepEqual(
      ready.map((entry) => entry.name),
      ['b', 'a'],
    );
  });
});

test('poll: 1000 entries', () => {
  withPair((a) => {
    const entries = Array.from({ length: 1000 }, () => ({ fd: a, events: c.POLLOUT }));
    assert.equal(c.poll(entries, 0).length, 1000);
  });
});

test('poll: more entries than RLIMIT_NOFILE are EINVAL of the kernel', (t) => {
  const { soft } = c.getrlimit(c.RLIMIT_NOFILE);
  if (soft > 200_000) {
    t.skip(`needs a descriptor limit below 200000, and it is ${soft}`);
    return;
  }
  const entries = Array.from({ length: soft + 1 }, () => ({ fd: -1, events: 0 }));
  assert.throws(() => c.poll(entries, 0), { code: 'EINVAL', syscall: 'poll' });
});
