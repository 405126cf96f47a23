import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { test } from 'node:test';
import * as c from 'listenq/syscalls';
import type { Address } from 'listenq/syscalls';
import { queueOfDescriptor } from '../support/queue';
import { isCloexec, privateNetwork, setSysctl } from '../support/machine';
import { beginConnect, beginConnects, closeAll, isConnected, withFd } from '../support/sockets';

const skip = privateNetwork();
const LOCAL: Address = { family: 'IPv4', address: '127.0.0.1', port: 0 };

function withListener(backlog: number, use: (fd: number, at: Address) => void): void {
  withFd(c.socket(c.AF_INET, c.SOCK_STREAM | c.SOCK_NONBLOCK), (fd) => {
    c.bind(fd, LOCAL);
    c.listen(fd, backlog);
    use(fd, c.getsockname(fd));
  });
}

for (const [backlog, somaxconn, limit] of [
  [0, 4096, 0],
  [1, 4096, 1],
  [-1, 4096, 4096],
  [-1, 7, 7],
  [5, 7, 5],
  [128, 7, 7],
  [-(2 ** 31), 100, 100],
  [2 ** 31 - 1, 100, 100],
  [2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1],
  [65536, 2 ** 31 - 1, 65536],
] as const) {
  test(`listen: backlog ${backlog} with somaxconn ${somaxconn} gives a queue of ${limit}`, { skip }, (t) => {
    t.after(() => {
      setSysctl('net.core.somaxconn', 4096);
    });
    setSysctl('net.core.somaxconn', somaxconn);
    withListener(backlog, (fd) => {
      assert.equal(queueOfDescriptor(fd).limit, limit);
    });
  });
}

test('listen: backlog 2 admits three clients, one after another, and no fourth', { skip }, () => {
  withListener(2, (fd, at) => {
    const clients = beginConnects(at, 5);
    assert.deepEqual(clients.map(isConnected), [true, true, true, false, false]);
    assert.deepEqual(queueOfDescriptor(fd), { length: 3, limit: 2 });
    closeAll(clients);
  });
});

test('listen: again on the living socket changes the limit and drops nobody', { skip }, () => {
  withListener(5, (fd, at) => {
    const clients = beginConnects(at, 6);
    c.listen(fd, 2);
    assert.deepEqual(queueOfDescriptor(fd), { length: 6, limit: 2 });
    c.listen(fd, 9);
    clients.push(...beginConnects(at, 4));
    assert.deepEqual(queueOfDescriptor(fd), { length: 10, limit: 9 });
    assert.ok(clients.every(isConnected));
    closeAll(clients);
  });
});

test('listen: an unbound TCP socket is bound by the kernel; an AF_UNIX one is EINVAL', { skip }, () => {
  withFd(c.socket(c.AF_INET, c.SOCK_STREAM), (fd) => {
    c.listen(fd, 1);
    const address = c.getsockname(fd);
    assert.ok(address.family === 'IPv4' && address.port > 0);
  });
  withFd(c.socket(c.AF_UNIX, c.SOCK_STREAM), (fd) => {
    assert.throws(() => c.listen(fd, 1), { code: 'EINVAL', errno: -22, syscall: 'listen' });
  });
});

const NOT_LISTENING: [name: string, make: () => number, listen: string, accept: string][] = [
  ['a datagram socket', () => c.socket(c.AF_INET, c.SOCK_DGRAM), 'EOPNOTSUPP', 'EOPNOTSUPP'],
  ['a file', () => fs.openSync('/dev/null', 'r'), 'ENOTSOCK', 'ENOTSOCK'],
  ['a folder', () => fs.openSync('/', 'r'), 'ENOTSOCK', 'ENOTSOCK'],
];

for (const [name, make, listen, accept] of NOT_LISTENING) {
  test(`listen, accept: ${name} is ${listen}`, { skip }, () => {
    withFd(make(), (fd) => {
      assert.throws(() => c.listen(fd, 5), { code: listen, syscall: 'listen' });
      assert.throws(() => c.accept(fd), { code: accept, syscall: 'accept' });
    });
  });
}

test(
  'accept: EINVAL on a socket that does not listen, EBADF on none, EAGAIN on an empty queue',
  { skip },
  () => {
    withFd(c.socket(c.AF_INET, c.SOCK_STREAM), (fd) => {
      assert.throws(() => c.accept(fd), { code: 'EINVAL', errno: -22, syscall: 'accept' });
    });
    assert.throws(() => c.accept(-1), { code: 'EBADF', errno: -9 });
    withListener(1, (fd) => {
      assert.throws(() => c.accept(fd), { code: 'EAGAIN', errno: -11, syscall: 'accept' });
    });
  },
);

for (const [name, flags, cloexec, nonblocking] of [
  ['none', 0, false, false],
  ['SOCK_CLOEXEC', c.SOCK_CLOEXEC, true, false],
  ['SOCK_NONBLOCK', c.SOCK_NONBLOCK, false, true],
  ['both', c.SOCK_CLOEXEC | c.SOCK_NONBLOCK, true, true],
] as const) {
  test(`accept: flags ${name} are exactly those of the new descriptor`, { skip }, () => {
    withListener(1, (fd, at) => {
      const client = beginConnect(at);
      const accepted = flags === 0 ? c.accept(fd) : c.accept(fd, flags);
      assert.deepEqual([isCloexec(accepted.fd), c.getNonblocking(accepted.fd)], [cloexec, nonblocking]);
      closeAll([client, accepted.fd]);
    });
  });
}

test('accept: an unknown flag is EINVAL and costs no connection', { skip }, () => {
  withListener(1, (fd, at) => {
    const client = beginConnect(at);
    assert.throws(() => c.accept(fd, 1), { code: 'EINVAL', syscall: 'accept' });
    assert.equal(queueOfDescriptor(fd).length, 1);
    closeAll([client, c.accept(fd).fd]);
  });
});

test('accept: first come, first served, over and over', { skip }, () => {
  withListener(50, (fd, at) => {
    const clients = beginConnects(at, 51);
    for (const client of clients) {
      const accepted = c.accept(fd);
      assert.deepEqual(accepted.address, c.getsockname(client));
      c.close(accepted.fd);
    }
    closeAll(clients);
  });
});

test('shutdown of a listener: SHUT_WR has no effect, SHUT_RD ends it', { skip }, () => {
  withListener(5, (fd, at) => {
    c.shutdown(fd, c.SHUT_WR);
    const client = beginConnect(at);
    closeAll([c.accept(fd).fd, client]);
    assert.equal(c.getsockoptInt(fd, c.SOL_SOCKET, c.SO_ACCEPTCONN), 1);
    c.shutdown(fd, c.SHUT_RD);
    assert.equal(c.getsockoptInt(fd, c.SOL_SOCKET, c.SO_ACCEPTCONN), 0);
    assert.throws(() => c.accept(fd), { code: 'EINVAL' });
  });
});
