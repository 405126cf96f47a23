import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { listen, listenDualStack } from 'listenq';
import * as c from 'listenq/syscalls';
import { anyOf, needsTool, privateNetwork } from '../support/machine';
import { dropsOf, queueOfDescriptor } from '../support/queue';
import { beginConnect, beginConnects, closeAll, isConnected, portOf } from '../support/sockets';

const skip = privateNetwork();

for (const backlog of [0, 1, 5, 128]) {
  for (const host of ['127.0.0.1', '::1']) {
    test(
      `queue: backlog ${backlog} on ${host} lets ${backlog + 1} wait, and counts the SYNs it drops`,
      { skip },
      () => {
        const listener = listen({ host, backlog });
        assert.deepEqual(listener.queue(), { length: 0, limit: backlog, drops: 0 });
        const clients = beginConnects(listener.address(), backlog + 1);
        assert.ok(clients.every(isConnected));
        assert.deepEqual(listener.queue(), { length: backlog + 1, limit: backlog, drops: 0 });
        const late = beginConnects(listener.address(), 3);
        assert.ok(!late.some(isConnected));
        const { length, limit, drops } = listener.queue();
        assert.deepEqual([length, limit], [backlog + 1, backlog]);
        // Their SYNs are repeated after a second: there may be more by now, and never fewer.
        assert.ok((drops ?? 0) >= 3, String(drops));
        assert.deepEqual({ length, limit }, queueOfDescriptor(listener.fd));
        assert.ok(dropsOf(listener.fd) >= (drops ?? 0));
        closeAll([...clients, ...late, listener]);
      },
    );
  }
}

test("queue: drops are the listener's own, and outlive setBacklog", { skip }, () => {
  const [full, idle] = [listen({ host: '127.0.0.1', backlog: 0 }), listen({ host: '127.0.0.1', backlog: 0 })];
  const clients = beginConnects(full.address(), 5);
  closeAll(clients.slice(1));
  const { drops } = full.queue();
  assert.equal(drops, 4);
  assert.equal(idle.queue().drops, 0);
  full.setBacklog(10);
  assert.equal(full.queue().drops, 4);
  closeAll([clients[0] as number, full, idle]);
});

test('queue: each accept makes it one shorter; a client that is gone stays in it', { skip }, () => {
  const listener = listen({ host: '127.0.0.1', backlog: 9 });
  const clients = beginConnects(listener.address(), 4);
  closeAll(clients);
  for (let left = 3; left >= 0; left--) {
    listener.accept().close();
    assert.equal(listener.queue().length, left);
  }
  listener.close();
});

test(
  'setBacklog: lowered under the queue it drops nobody, and admits again once there is room',
  { skip },
  () => {
    const listener = listen({ host: '127.0.0.1', backlog: 5 });
    const clients = beginConnects(listener.address(), 6);
    listener.setBacklog(2);
    assert.deepEqual([listener.queue().length, listener.queue().limit, listener.backlog], [6, 2, 2]);
    for (let waiting = 6; waiting > 2; waiting--) {
      const late = beginConnect(listener.address());
      assert.equal(isConnected(late), false, `${waiting} waiting`);
      c.close(late);
      listener.accept().close();
    }
    const admitted = beginConnect(listener.address());
    assert.equal(isConnected(admitted), true);
    closeAll([...clients, admitted, listener]);
  },
);

test('setBacklog: raised, those who were refused get in at their next SYN', { skip }, () => {
  const listener = listen({ host: '127.0.0.1', backlog: 0 });
  const clients = beginConnects(listener.address(), 4);
  listener.setBacklog(10);
  const late = clients.slice(1);
  c.poll(
    late.map((fd) => ({ fd, events: c.POLLOUT })),
    30_000,
  );
  const deadline = performance.now() + 30_000;
  while (!late.every(isConnected) && performance.now() < deadline) c.poll([], 50);
  assert.ok(late.every(isConnected));
  assert.equal(listener.queue().length, 4);
  closeAll([...clients, listener]);
});

test('queue: the two of a dual stack are counted apart', { skip }, () => {
  const [four, six] = listenDualStack({ backlog: 1 });
  const clients = beginConnects({ family: 'IPv6', address: '::1', port: portOf(six.address()) }, 2);
  assert.deepEqual([four.queue().length, six.queue().length], [0, 2]);
  closeAll([...clients, four, six]);
});

test('queue: is what ss shows', { skip: anyOf(skip, needsTool('ss')) }, () => {
  const listener = listen({ host: '127.0.0.1', backlog: 13 });
  const clients = beginConnects(listener.address(), 7);
  const shown = spawnSync('ss', ['-Hltn', `sport = :${portOf(listener.address())}`], {
    encoding: 'utf8',
  }).stdout;
  const [, length, limit] = /^LISTEN\s+(\d+)\s+(\d+)/.exec(shown) ?? [];
  assert.deepEqual([Number(length), Number(limit)], [listener.queue().length, listener.queue().limit]);
  assert.deepEqual([Number(length), Number(limit)], [7, 13]);
  closeAll([...clients, listener]);
  const unix = listen({ path: '\0listenq-ss', backlog: 6 });
  const waiting = beginConnects(unix.address(), 3);
  const lines = spawnSync('ss', ['-Hlx'], { encoding: 'utf8' }).stdout.split('\n');
  const line = lines.find((text) => text.includes('@listenq-ss')) ?? '';
  const [, unixLength, unixLimit] = /LISTEN\s+(\d+)\s+(\d+)/.exec(line) ?? [];
  assert.deepEqual([Number(unixLength), Number(unixLimit)], [3, 6], line);
  assert.deepEqual(unix.queue(), { length: 3, limit: 6, drops: undefined });
  closeAll([...waiting, unix]);
});

test('queue: of several Unix-domain listeners each its own', { skip }, () => {
  const listeners = [0, 1, 2, 3].map((backlog) => listen({ path: `\0listenq-many-${backlog}`, backlog }));
  const clients = listeners.flatMap((listener, i) => beginConnects(listener.address(), i));
  assert.deepEqual(
    listeners.map((listener) => listener.queue()),
    [0, 1, 2, 3].map((i) => ({ length: i, limit: i, drops: undefined })),
  );
  closeAll([...clients, ...listeners]);
});

test('queue: leaves no descriptor', { skip }, () => {
  const listener = listen({ path: '\0listenq-often' });
  const next = (): number => {
    const fd = c.socket(c.AF_UNIX, c.SOCK_STREAM);
    c.close(fd);
    return fd;
  };
  const before = next();
  for (let i = 0; i < 50; i++) listener.queue();
  assert.equal(next(), before);
  listener.close();
});
