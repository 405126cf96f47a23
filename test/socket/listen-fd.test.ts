import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { test } from 'node:test';
import { Connection, connect, listen } from 'listenq';
import * as c from 'listenq/syscalls';
import type { Address } from 'listenq/syscalls';
import { isCloexec, openDescriptors, privateNetwork, temporaryFolder } from '../support/machine';
import { beginConnect, beginConnects, closeAll, domainOf, withFd } from '../support/sockets';

const skip = privateNetwork();
const LOCAL: Address = { family: 'IPv4', address: '127.0.0.1', port: 0 };

function bound(address: Address = LOCAL, type: number = c.SOCK_STREAM): number {
  const fd = c.socket(domainOf(address), type);
  c.bind(fd, address);
  return fd;
}

function listening(backlog: number, address?: Address, type?: number): number {
  const fd = bound(address, type);
  c.listen(fd, backlog);
  return fd;
}

test(
  'listen({ fd }): a bound descriptor listens, with the backlog asked for, and becomes the listener',
  { skip },
  () => {
    const fd = bound();
    const at = c.getsockname(fd);
    const listener = listen({ fd, backlog: 6 });
    assert.equal(listener.fd, fd);
    assert.deepEqual(listener.address(), at);
    assert.deepEqual([listener.backlog, listener.queue().limit], [6, 6]);
    assert.deepEqual([isCloexec(fd), c.getNonblocking(fd)], [true, true]);
    closeAll([
      connect({ host: '127.0.0.1', port: (at as { port: number }).port }),
      listener.accept(),
      listener,
    ]);
    assert.throws(() => c.getsockname(fd), { code: 'EBADF' });
  },
);

test('listen({ fd }): without a backlog a bound descriptor gets somaxconn', { skip }, () => {
  const listener = listen({ fd: bound() });
  assert.equal(listener.queue().limit, Number(fs.readFileSync('/proc/sys/net/core/somaxconn', 'utf8')));
  listener.close();
});

test('listen({ fd }): one that listens keeps its backlog and its queue', { skip }, () => {
  const fd = listening(7);
  const clients = beginConnects(c.getsockname(fd), 3);
  const listener = listen({ fd });
  assert.deepEqual([listener.backlog, listener.queue().limit, listener.queue().length], [7, 7, 3]);
  const accepted = listener.acceptMany(5);
  assert.equal(accepted.length, 3);
  closeAll([...clients, ...accepted, listener]);
});

test('listen({ fd, backlog }): one that listens gets the new backlog and keeps its queue', { skip }, () => {
  const fd = listening(7);
  const clients = beginConnects(c.getsockname(fd), 3);
  const listener = listen({ fd, backlog: 1 });
  assert.deepEqual([listener.backlog, listener.queue().limit, listener.queue().length], [1, 1, 3]);
  closeAll([...clients, listener]);
});

test('listen({ fd }): options that still mean something are set', { skip }, () => {
  const listener = listen({
    fd: bound(),
    receiveBuffer: 50_000,
    userTimeoutMs: 99,
    deferAcceptSeconds: 1,
    mark: 3,
  });
  assert.equal(listener.getOption('SOL_SOCKET', 'SO_RCVBUF'), 100_000);
  assert.equal(listener.getOption('IPPROTO_TCP', 'TCP_USER_TIMEOUT'), 99);
  assert.equal(listener.getOption('IPPROTO_TCP', 'TCP_DEFER_ACCEPT'), 1);
  assert.equal(listener.getOption('SOL_SOCKET', 'SO_MARK'), 3);
  assert.equal(listener.getOption('SOL_SOCKET', 'SO_REUSEADDR'), 0, 'nothing unasked');
  listener.close();
});

test(
  "listen({ fd }): Unix-domain, stream and seqpacket; the file is not the listener's to remove",
  { skip },
  () => {
    const folder = temporaryFolder();
    for (const [name, type] of [
      ['a', c.SOCK_STREAM],
      ['b', c.SOCK_SEQPACKET],
    ] as const) {
      const address: Address = { family: 'unix', path: `${folder}/${name}` };
      const listener = listen({ fd: listening(4, address, type) });
      assert.deepEqual(listener.queue(), { length: 0, limit: 4, drops: undefined });
      assert.deepEqual(listener.address(), address);
      const client = beginConnect(address, type);
      closeAll([client, listener.accept(), listener]);
      assert.equal(fs.existsSync(address.path), true);
    }
  },
);

test('listen({ fd }): IPv6', { skip }, () => {
  const listener = listen({ fd: listening(2, { family: 'IPv6', address: '::1', port: 0 }), freebind: true });
  assert.equal(listener.getOption('IPPROTO_IPV6', 'IPV6_FREEBIND'), 1);
  assert.equal(listener.queue().limit, 2);
  listener.close();
});

/** What is no listener: how it is made, and the call and code that say so. */
const WRONG: [name: string, make: () => number[], code: string, syscall: string][] = [
  ['a file', () => [fs.openSync('/dev/null', 'r')], 'ENOTSOCK', 'getsockname'],
  ['a folder', () => [fs.openSync('/', 'r')], 'ENOTSOCK', 'getsockname'],
  ['a datagram socket', () => [bound(LOCAL, c.SOCK_DGRAM)], 'EOPNOTSUPP', 'listen'],
  ['a unix socket without a name', () => c.socketpair(c.AF_UNIX, c.SOCK_STREAM), 'EINVAL', 'listen'],
  ['a netlink socket', () => [c.socket(c.AF_NETLINK, c.SOCK_RAW)], 'EAFNOSUPPORT', 'getsockname'],
  [
    'a connected socket',
    () => {
      const server = listening(1);
      return [beginConnect(c.getsockname(server)), server];
    },
    'EINVAL',
    'listen',
  ],
];

for (const [name, make, code, syscall] of WRONG) {
  test(
    `listen({ fd }): ${name} is ${code} of ${syscall}, and stays the caller's, as it was`,
    { skip },
    () => {
      const fds = make();
      const [fd] = fds as [number];
      const before = openDescriptors();
      const flags = [isCloexec(fd), c.getNonblocking(fd)];
      assert.throws(() => listen({ fd }), { name: 'SystemCallError', code, syscall });
      assert.throws(() => listen({ fd, backlog: 5 }), { code, syscall });
      assert.deepEqual(openDescriptors(), before);
      assert.deepEqual([isCloexec(fd), c.getNonblocking(fd)], flags);
      closeAll(fds);
    },
  );
}

test('listen({ fd }): a closed or impossible number is EBADF', { skip }, () => {
  const fd = bound();
  c.close(fd);
  for (const number of [fd, 2 ** 31 - 1, 999_999]) {
    assert.throws(() => listen({ fd: number }), { code: 'EBADF', errno: -9, syscall: 'getsockname' });
  }
});

test(
  'listen({ fd }): an option that the kernel refuses leaves the descriptor to the caller',
  { skip },
  () => {
    withFd(bound({ family: 'unix', path: '\0listenq-adopt' }), (fd) => {
      assert.throws(() => listen({ fd, deferAcceptSeconds: 1 }), {
        code: 'EOPNOTSUPP',
        syscall: 'setsockopt',
      });
      assert.equal(c.getsockoptInt(fd, c.SOL_SOCKET, c.SO_ACCEPTCONN), 0);
    });
  },
);

test('listen({ fd }): the same number twice would have two owners', { skip }, () => {
  const first = listen({ fd: bound() });
  // One that is made all the same must not close the number a second time, whenever it is collected.
  const make = (): number => listen({ fd: first.fd }).detach();
  try {
    assert.throws(make, { code: 'ERR_INVALID_ARG_VALUE' });
  } finally {
    first.close();
  }
});

test('Connection.from: adopts a connected descriptor, O_NONBLOCK and CLOEXEC from then on', { skip }, () => {
  const [a, b] = c.socketpair(c.AF_UNIX, c.SOCK_STREAM);
  const connection = Connection.from(a);
  assert.equal(connection.fd, a);
  assert.deepEqual([isCloexec(a), c.getNonblocking(a)], [true, true]);
  assert.deepEqual(connection.remoteAddress, { family: 'unix', path: '' });
  c.send(b, Buffer.from('hi'));
  assert.equal(connection.recv(2).toString(), 'hi');
  connection.close();
  assert.throws(() => c.getsockname(a), { code: 'EBADF' });
  c.close(b);
});

test("Connection.from: what is not connected stays the caller's", { skip }, () => {
  const cases: [number, string][] = [
    [fs.openSync('/dev/null', 'r'), 'ENOTSOCK'],
    [bound(), 'ENOTCONN'],
    [listening(1), 'ENOTCONN'],
  ];
  for (const [fd, code] of cases) {
    const flags = [isCloexec(fd), c.getNonblocking(fd)];
    assert.throws(() => Connection.from(fd), { name: 'SystemCallError', code, syscall: 'getpeername' });
    assert.deepEqual([isCloexec(fd), c.getNonblocking(fd)], flags);
    c.close(fd);
  }
  assert.throws(() => Connection.from(999_999), { code: 'EBADF' });
});

test("Connection.from: the number of another Connection is refused, and stays that one's", { skip }, () => {
  const [a, b] = c.socketpair(c.AF_UNIX, c.SOCK_STREAM);
  const connection = Connection.from(a);
  assert.throws(() => Connection.from(a), {
    code: 'ERR_INVALID_ARG_VALUE',
    message: new RegExp(`\\(${a}\\)`),
  });
  assert.equal(connection.send('still here'), 10);
  const given = connection.detach();
  Connection.from(given).close();
  c.close(b);
});
