import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { test } from 'node:test';
import * as c from 'listenq/syscalls';
import { SystemCallError } from 'listenq';
import { isCloexec, openDescriptors } from '../support/machine';
import { descriptorsLeft, targetOf, withFd } from '../support/sockets';

const KINDS: [name: string, domain: number, type: number][] = [
  ['IPv4 stream', c.AF_INET, c.SOCK_STREAM],
  ['IPv4 datagram', c.AF_INET, c.SOCK_DGRAM],
  ['IPv6 stream', c.AF_INET6, c.SOCK_STREAM],
  ['unix stream', c.AF_UNIX, c.SOCK_STREAM],
  ['unix seqpacket', c.AF_UNIX, c.SOCK_SEQPACKET],
];

for (const [name, domain, type] of KINDS) {
  test(`socket: ${name} is what SO_DOMAIN and SO_TYPE say, blocking and not CLOEXEC`, () => {
    withFd(c.socket(domain, type), (fd) => {
      assert.equal(c.getsockoptInt(fd, c.SOL_SOCKET, c.SO_DOMAIN), domain);
      assert.equal(c.getsockoptInt(fd, c.SOL_SOCKET, c.SO_TYPE), type);
      assert.match(targetOf(fd), /^socket:/);
      assert.equal(isCloexec(fd), false);
      assert.equal(c.getNonblocking(fd), false);
    });
  });
}

const FLAGS: [name: string, flags: number, cloexec: boolean, nonblocking: boolean][] = [
  ['SOCK_CLOEXEC', c.SOCK_CLOEXEC, true, false],
  ['SOCK_NONBLOCK', c.SOCK_NONBLOCK, false, true],
  ['both', c.SOCK_CLOEXEC | c.SOCK_NONBLOCK, true, true],
];

for (const [name, flags, cloexec, nonblocking] of FLAGS) {
  test(`socket: flag ${name} sets exactly its own bits`, () => {
    withFd(c.socket(c.AF_INET, c.SOCK_STREAM | flags), (fd) => {
      assert.deepEqual([isCloexec(fd), c.getNonblocking(fd)], [cloexec, nonblocking]);
    });
  });

  test(`socketpair: flag ${name} sets exactly its own bits on both ends`, () => {
    const pair = c.socketpair(c.AF_UNIX, c.SOCK_STREAM | flags);
    for (const fd of pair) {
      assert.deepEqual([isCloexec(fd), c.getNonblocking(fd)], [cloexec, nonblocking]);
      c.close(fd);
    }
  });
}

test('socket: protocol IPPROTO_TCP and IPPROTO_MPTCP arrive as SO_PROTOCOL', (t) => {
  withFd(c.socket(c.AF_INET, c.SOCK_STREAM, c.IPPROTO_TCP), (fd) => {
    assert.equal(c.getsockoptInt(fd, c.SOL_SOCKET, c.SO_PROTOCOL), c.IPPROTO_TCP);
  });
  try {
    withFd(c.socket(c.AF_INET, c.SOCK_STREAM, c.IPPROTO_MPTCP), (fd) => {
      assert.equal(c.getsockoptInt(fd, c.SOL_SOCKET, c.SO_PROTOCOL), c.IPPROTO_MPTCP);
    });
  } catch (error) {
    if ((error as SystemCallError).code !== 'EPROTONOSUPPORT') throw error;
    t.skip('needs a kernel with MPTCP');
  }
});

const REFUSED: [name: string, call: () => unknown, code: string, errno: number, syscall: string][] = [
  ['socket of AF_UNSPEC', () => c.socket(c.AF_UNSPEC, c.SOCK_STREAM), 'EAFNOSUPPORT', -97, 'socket'],
  ['socket of type 75', () => c.socket(c.AF_INET, 75), 'EINVAL', -22, 'socket'],
  ['socket of type 0', () => c.socket(c.AF_INET, 0), 'ESOCKTNOSUPPORT', -94, 'socket'],
  ['socket of type -1', () => c.socket(c.AF_INET, -1), 'EINVAL', -22, 'socket'],
  ['socket of domain INT_MIN', () => c.socket(-(2 ** 31), 1), 'EAFNOSUPPORT', -97, 'socket'],
  [
    'TCP over datagrams',
    () => c.socket(c.AF_INET, c.SOCK_DGRAM, c.IPPROTO_TCP),
    'EPROTONOSUPPORT',
    -93,
    'socket',
  ],
  ['unix stream, protocol 2', () => c.socket(c.AF_UNIX, c.SOCK_STREAM, 2), 'EPROTONOSUPPORT', -93, 'socket'],
  ['a pair of TCP', () => c.socketpair(c.AF_INET, c.SOCK_STREAM), 'EOPNOTSUPP', -95, 'socketpair'],
  ['a pair of AF_UNSPEC', () => c.socketpair(0, c.SOCK_STREAM), 'EAFNOSUPPORT', -97, 'socketpair'],
  ['close of -1', () => c.close(-1), 'EBADF', -9, 'close'],
  ['close of INT_MAX', () => c.close(2 ** 31 - 1), 'EBADF', -9, 'close'],
  ['dup of -1', () => c.dup(-1), 'EBADF', -9, 'dup'],
  ['getNonblocking of -1', () => c.getNonblocking(-1), 'EBADF', -9, 'fcntl'],
  ['setNonblocking of -1', () => c.setNonblocking(-1, true), 'EBADF', -9, 'fcntl'],
];

for (const [name, call, code, errno, syscall] of REFUSED) {
  test(`${name}: throws a SystemCallError ${code}, errno ${errno}, and leaves no descriptor`, () => {
    const before = openDescriptors();
    assert.throws(call, (error: unknown) => {
      assert.ok(error instanceof SystemCallError);
      assert.ok(error instanceof c.SystemCallError, 'both entries export one class');
      assert.ok(error instanceof Error);
      assert.deepEqual([error.code, error.errno, error.syscall], [code, errno, syscall]);
      assert.equal(error.name, 'SystemCallError');
      assert.ok(error.message.startsWith(`${syscall} ${code}: `), error.message);
      assert.ok(!('address' in error) && !('port' in error) && !('path' in error));
      return true;
    });
    assert.deepEqual(openDescriptors(), before);
  });
}

test('close: the number is gone, and a second close is EBADF', () => {
  const fd = c.socket(c.AF_INET, c.SOCK_STREAM);
  c.close(fd);
  assert.throws(() => fs.fstatSync(fd), { code: 'EBADF' });
  assert.throws(() => c.close(fd), { code: 'EBADF', errno: -9, syscall: 'close' });
});

test('close: works on any descriptor, a file too', () => {
  assert.equal(
    descriptorsLeft(() => c.close(fs.openSync('/dev/null', 'r'))),
    0,
  );
});

test('dup: same socket, not CLOEXEC though the original is; O_NONBLOCK is shared', () => {
  withFd(c.socket(c.AF_INET, c.SOCK_STREAM | c.SOCK_CLOEXEC), (fd) => {
    withFd(c.dup(fd), (copy) => {
      assert.notEqual(copy, fd);
      assert.equal(targetOf(copy), targetOf(fd));
      assert.equal(isCloexec(copy), false);
      assert.equal(isCloexec(fd), true);
      c.setNonblocking(copy, true);
      assert.equal(c.getNonblocking(fd), true);
      c.setNonblocking(fd, false);
      assert.equal(c.getNonblocking(copy), false);
    });
  });
});

test('setNonblocking: leaves FD_CLOEXEC and the other status flags as they are', () => {
  const fd = fs.openSync('/dev/null', fs.constants.O_RDWR | fs.constants.O_APPEND);
  withFd(fd, () => {
    const flags = (): string =>
      /^flags:\s*(\d+)/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '';
    const before = flags();
    c.setNonblocking(fd, true);
    assert.equal(parseInt(flags(), 8), parseInt(before, 8) | fs.constants.O_NONBLOCK);
    c.setNonblocking(fd, true);
    c.setNonblocking(fd, false);
    assert.equal(flags(), before);
  });
});

test('socketpair: stream, seqpacket and datagram pairs are connected to each other', () => {
  for (const type of [c.SOCK_STREAM, c.SOCK_SEQPACKET, c.SOCK_DGRAM]) {
    const [a, b] = c.socketpair(c.AF_UNIX, type);
    try {
      assert.equal(isCloexec(a) || isCloexec(b), false);
      c.send(a, Buffer.from('to b'));
      c.send(b, Buffer.from('and a'));
      const buffer = Buffer.alloc(16);
      assert.equal(buffer.toString('utf8', 0, c.recv(b, buffer)), 'to b');
      assert.equal(buffer.toString('utf8', 0, c.recv(a, buffer)), 'and a');
      assert.deepEqual(c.getpeername(a), { family: 'unix', path: '' });
    } finally {
      c.close(a);
      c.close(b);
    }
  }
});
