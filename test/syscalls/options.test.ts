import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as c from 'listenq/syscalls';
import { withFd } from '../support/sockets';

function withTcp(use: (fd: number) => void, domain = c.AF_INET): void {
  withFd(c.socket(domain, c.SOCK_STREAM), use);
}

const INTS: [name: string, level: number, option: number, set: number | boolean, read: number][] = [
  ['SO_REUSEADDR by true', c.SOL_SOCKET, c.SO_REUSEADDR, true, 1],
  ['SO_REUSEADDR by 1', c.SOL_SOCKET, c.SO_REUSEADDR, 1, 1],
  ['SO_REUSEADDR by -1, a flag', c.SOL_SOCKET, c.SO_REUSEADDR, -1, 1],
  ['SO_REUSEPORT', c.SOL_SOCKET, c.SO_REUSEPORT, true, 1],
  ['SO_KEEPALIVE', c.SOL_SOCKET, c.SO_KEEPALIVE, true, 1],
  ['SO_RCVLOWAT', c.SOL_SOCKET, c.SO_RCVLOWAT, 7, 7],
  ['SO_RCVBUF, which doubles', c.SOL_SOCKET, c.SO_RCVBUF, 50_000, 100_000],
  ['SO_PRIORITY', c.SOL_SOCKET, c.SO_PRIORITY, 4, 4],
  ['TCP_NODELAY', c.IPPROTO_TCP, c.TCP_NODELAY, true, 1],
  ['TCP_KEEPIDLE', c.IPPROTO_TCP, c.TCP_KEEPIDLE, 33, 33],
  ['TCP_USER_TIMEOUT', c.IPPROTO_TCP, c.TCP_USER_TIMEOUT, 2 ** 31 - 1, 2 ** 31 - 1],
  ['TCP_DEFER_ACCEPT, rounded up', c.IPPROTO_TCP, c.TCP_DEFER_ACCEPT, 5, 7],
  ['TCP_FASTOPEN', c.IPPROTO_TCP, c.TCP_FASTOPEN, 5, 5],
  ['IP_TTL', c.IPPROTO_IP, c.IP_TTL, 9, 9],
  ['IP_FREEBIND', c.IPPROTO_IP, c.IP_FREEBIND, true, 1],
];

for (const [name, level, option, set, read] of INTS) {
  test(`setsockopt, getsockoptInt: ${name} reads ${read}`, () => {
    withTcp((fd) => {
      assert.notEqual(c.getsockoptInt(fd, level, option), read);
      c.setsockopt(fd, level, option, set);
      assert.equal(c.getsockoptInt(fd, level, option), read);
      const raw = c.getsockopt(fd, level, option);
      assert.equal(raw.length, 4);
      assert.equal(raw.readInt32LE(0), read);
    });
  });
}

test('setsockopt: false is 0', () => {
  withTcp((fd) => {
    c.setsockopt(fd, c.SOL_SOCKET, c.SO_KEEPALIVE, true);
    c.setsockopt(fd, c.SOL_SOCKET, c.SO_KEEPALIVE, false);
    assert.equal(c.getsockoptInt(fd, c.SOL_SOCKET, c.SO_KEEPALIVE), 0);
  });
});

test('setsockopt: an IPv6 socket takes IPV6_V6ONLY and IPV6_FREEBIND', () => {
  withTcp((fd) => {
    for (const option of [c.IPV6_V6ONLY, c.IPV6_FREEBIND]) {
      c.setsockopt(fd, c.IPPROTO_IPV6, option, true);
      assert.equal(c.getsockoptInt(fd, c.IPPROTO_IPV6, option), 1);
    }
  }, c.AF_INET6);
});

const LINGER = Buffer.from(Int32Array.of(1, 7).buffer);

for (const [name, value] of [
  ['a Buffer', LINGER],
  ['an Int32Array', Int32Array.of(1, 7)],
  ['a BigInt64Array', new BigInt64Array(LINGER.buffer.slice(0, 8))],
  ['a DataView', new DataView(LINGER.buffer, 0, 8)],
] as const) {
  test(`setsockopt: SO_LINGER by ${name} goes as it is`, () => {
    withTcp((fd) => {
      c.setsockopt(fd, c.SOL_SOCKET, c.SO_LINGER, value);
      assert.deepEqual(c.getsockopt(fd, c.SOL_SOCKET, c.SO_LINGER), LINGER);
    });
  });
}

test('setsockopt: a struct that is too short, or nothing at all, is EINVAL of the kernel', () => {
  withTcp((fd) => {
    for (const value of [Buffer.alloc(4), Buffer.alloc(0)]) {
      assert.throws(() => c.setsockopt(fd, c.SOL_SOCKET, c.SO_LINGER, value), {
        code: 'EINVAL',
        syscall: 'setsockopt',
      });
    }
  });
});

test('getsockopt: text comes with the length that the kernel wrote', () => {
  withTcp((fd) => {
    c.setsockopt(fd, c.IPPROTO_TCP, c.TCP_CONGESTION, Buffer.from('reno'));
    const name = c.getsockopt(fd, c.IPPROTO_TCP, c.TCP_CONGESTION, 16);
    assert.equal(name.toString('latin1').replace(/\0+$/, ''), 'reno');
    assert.equal(c.getsockopt(fd, c.IPPROTO_TCP, c.TCP_CONGESTION, 2).toString(), 're');
  });
});

test('getsockopt: the size is the one that the kernel gets', () => {
  withTcp((fd) => {
    for (const size of [0, 1, 8, 104]) {
      assert.equal(c.getsockopt(fd, c.IPPROTO_TCP, c.TCP_INFO, size).length, size);
    }
    assert.ok(c.getsockopt(fd, c.IPPROTO_TCP, c.TCP_INFO).length > 104);
    assert.equal(c.getsockopt(fd, c.SOL_SOCKET, c.SO_TYPE, 2).length, 2);
  });
});

test('getsockopt: an unknown option, level and descriptor are errors of the kernel', () => {
  withTcp((fd) => {
    assert.throws(() => c.getsockopt(fd, c.SOL_SOCKET, 9999), { code: 'ENOPROTOOPT', errno: -92 });
    assert.throws(() => c.getsockoptInt(fd, 9999, 1), { code: 'EOPNOTSUPP', syscall: 'getsockopt' });
    assert.throws(() => c.setsockopt(fd, 9999, 1, 1), { code: 'ENOPROTOOPT', syscall: 'setsockopt' });
    assert.throws(() => c.setsockopt(fd, c.IPPROTO_TCP, c.TCP_SYNCNT, 128), { code: 'EINVAL', errno: -22 });
  });
  assert.throws(() => c.getsockoptInt(-1, c.SOL_SOCKET, c.SO_TYPE), { code: 'EBADF', syscall: 'getsockopt' });
  assert.throws(() => c.setsockopt(-1, c.SOL_SOCKET, c.SO_REUSEADDR, 1), { code: 'EBADF' });
});

test('getsockoptInt: SO_ERROR is told once', () => {
  withFd(c.socket(c.AF_INET, c.SOCK_STREAM | c.SOCK_NONBLOCK), (fd) => {
    try {
      c.connect(fd, { family: 'IPv4', address: '127.0.0.1', port: 1 });
      assert.fail('port 1 listens here');
    } catch (error) {
      const { code } = error as { code: string };
      // Loopback answers before connect(2) returns, or just after.
      if (code === 'ECONNREFUSED') return;
      assert.equal(code, 'EINPROGRESS');
    }
    c.poll([{ fd, events: c.POLLOUT }], 5000);
    assert.equal(c.getsockoptInt(fd, c.SOL_SOCKET, c.SO_ERROR), 111);
    assert.equal(c.getsockoptInt(fd, c.SOL_SOCKET, c.SO_ERROR), 0);
  });
});
