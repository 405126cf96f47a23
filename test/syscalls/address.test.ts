import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as c from 'listenq/syscalls';
import { SystemCallError, type Address } from 'listenq/syscalls';
import { anyOf, needsTool, privateNetwork, temporaryFolder } from '../support/machine';
import { runPython } from '../support/python';
import { domainOf, portOf, withFd } from '../support/sockets';

const alone = privateNetwork();
const folder = temporaryFolder();

/** A listening socket at `address`. */
function listeningAt(address: Address, type = c.SOCK_STREAM): number {
  const fd = c.socket(domainOf(address), type);
  try {
    c.bind(fd, address);
    c.listen(fd, 5);
    return fd;
  } catch (error) {
    c.close(fd);
    throw error;
  }
}

const ABSTRACT: [name: string, path: string][] = [
  ['short', '\0listenq-a'],
  ['with embedded NULs', '\0listenq\0b\0'],
  ['of UTF-8', '\0listenq-žluťoučký-鲤'],
  ['of 107 bytes after its NUL', `\0${'n'.repeat(107)}`],
  ['of UTF-8 of 107 bytes after its NUL', `\0${'n'.repeat(104)}鲤`],
  ['of one byte', '\0x'],
  ['of one NUL more', '\0\0'],
];

const ROUND_TRIPS: [name: string, address: Address, type?: number][] = [
  ['IPv4', { family: 'IPv4', address: '127.0.0.1', port: 0 }],
  ['IPv4, every byte', { family: 'IPv4', address: '127.255.10.99', port: 0 }],
  ['IPv4, all addresses', { family: 'IPv4', address: '0.0.0.0', port: 0 }],
  ['IPv6', { family: 'IPv6', address: '::1', port: 0 }],
  ['IPv6, all addresses', { family: 'IPv6', address: '::', port: 0 }],
  ['a path', { family: 'unix', path: path.join(folder, 'a.sock') }],
  ['a path of UTF-8', { family: 'unix', path: path.join(folder, 'ž-鲤.sock') }],
  ['a path, seqpacket', { family: 'unix', path: path.join(folder, 'b.sock') }, c.SOCK_SEQPACKET],
  ['a path of 107 bytes', { family: 'unix', path: path.join(folder, 'p'.repeat(106 - folder.length)) }],
  ...ABSTRACT.map(([name, name2]): [string, Address] => [
    `an abstract name ${name}`,
    { family: 'unix', path: name2 },
  ]),
];

for (const [name, address, type] of ROUND_TRIPS) {
  test(`bind, connect, accept: ${name} comes back from getsockname and getpeername`, { skip: alone }, () => {
    withFd(listeningAt(address, type), (listener) => {
      const bound = c.getsockname(listener);
      if (address.family === 'unix') assert.deepEqual(bound, address);
      else {
        assert.ok(portOf(bound) > 0);
        assert.deepEqual(bound, { ...address, port: portOf(bound) });
      }
      withFd(c.socket(domainOf(address), type ?? c.SOCK_STREAM), (client) => {
        c.connect(client, bound);
        const accepted = c.accept(listener);
        withFd(accepted.fd, (server) => {
          assert.deepEqual(accepted.address, c.getsockname(client));
          assert.deepEqual(c.getpeername(server), c.getsockname(client));
          assert.deepEqual(c.getpeername(client), c.getsockname(server));
        });
      });
    });
  });
}

test('accept: a client without a name of its own has the path ""', { skip: alone }, () => {
  const address: Address = { family: 'unix', path: '\0listenq-unnamed' };
  withFd(listeningAt(address), (listener) => {
    withFd(c.socket(c.AF_UNIX, c.SOCK_STREAM), (client) => {
      c.connect(client, address);
      const accepted = c.accept(listener);
      c.close(accepted.fd);
      assert.deepEqual(accepted.address, { family: 'unix', path: '' });
    });
  });
});

test('accept: a client that is bound to an abstract name is known by it', { skip: alone }, () => {
  const address: Address = { family: 'unix', path: '\0listenq-server' };
  withFd(listeningAt(address), (listener) => {
    withFd(c.socket(c.AF_UNIX, c.SOCK_STREAM), (client) => {
      c.bind(client, { family: 'unix', path: '\0client\0of\0listenq' });
      c.connect(client, address);
      const accepted = c.accept(listener);
      c.close(accepted.fd);
      assert.deepEqual(accepted.address, { family: 'unix', path: '\0client\0of\0listenq' });
    });
  });
});

test('bind: the path "" has the kernel choose an abstract name', { skip: alone }, () => {
  withFd(c.socket(c.AF_UNIX, c.SOCK_STREAM), (fd) => {
    assert.deepEqual(c.getsockname(fd), { family: 'unix', path: '' });
    c.bind(fd, { family: 'unix', path: '' });
    const bound = c.getsockname(fd);
    assert.ok(bound.family === 'unix' && /^\0[0-9a-f]{5}$/.test(bound.path), JSON.stringify(bound));
  });
});

test('getsockname: an unbound socket has the any-address and port 0', { skip: alone }, () => {
  withFd(c.socket(c.AF_INET, c.SOCK_STREAM), (fd) => {
    assert.deepEqual(c.getsockname(fd), { family: 'IPv4', address: '0.0.0.0', port: 0 });
  });
  withFd(c.socket(c.AF_INET6, c.SOCK_STREAM), (fd) => {
    assert.deepEqual(c.getsockname(fd), { family: 'IPv6', address: '::', port: 0 });
  });
});

test('bind, connect: a port of high bytes is not swapped', { skip: alone }, () => {
  for (const port of [1, 255, 256, 4660, 65535]) {
    withFd(listeningAt({ family: 'IPv4', address: '127.0.0.1', port }), (fd) => {
      assert.deepEqual(c.getsockname(fd), { family: 'IPv4', address: '127.0.0.1', port });
    });
  }
});

test('bind: a link-local address needs its scope id, and getsockname gives it back', { skip: alone }, () => {
  // fe80:: with a scope that is no interface.
  withFd(c.socket(c.AF_INET6, c.SOCK_STREAM), (fd) => {
    const address = { family: 'IPv6', address: 'fe80::1', port: 0, scopeId: 4_000_000_000 } as const;
    assert.throws(() => c.bind(fd, address), {
      code: 'ENODEV',
      syscall: 'bind',
      address: 'fe80::1',
      port: 0,
    });
    // Bound to an address that is not here; the scope of `lo` is 1.
    c.setsockopt(fd, c.IPPROTO_IPV6, c.IPV6_FREEBIND, 1);
    c.bind(fd, { ...address, scopeId: 1 });
    assert.deepEqual({ ...c.getsockname(fd), port: 0 }, { ...address, scopeId: 1 });
  });
});

test('abstract names: python3 reads the same bytes', { skip: anyOf(alone, needsTool('python3')) }, () => {
  for (const [name, address] of ABSTRACT) {
    withFd(listeningAt({ family: 'unix', path: address }), () => {
      const bytes = Buffer.from(address).toString('hex');
      const program = `
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.connect(bytes.fromhex(sys.argv[1]))
print(client.getpeername().hex())`;
      assert.equal(runPython(program, bytes), bytes, name);
    });
  }
});

const MISSING = path.join(folder, 'missing', 'x.sock');
const NEVER: Address = { family: 'IPv4', address: '192.0.2.1', port: 8080 };

function refused(call: () => unknown, expected: Record<string, unknown>, inMessage: string): void {
  assert.throws(call, (error: unknown) => {
    assert.ok(error instanceof SystemCallError);
    const { code, errno, syscall, address, port, path: name } = error;
    assert.deepEqual(
      { code, errno, syscall, address, port, path: name },
      {
        address: undefined,
        port: undefined,
        path: undefined,
        ...expected,
      },
    );
    assert.ok(error.message.includes(inMessage), error.message);
    return true;
  });
}

test('bind: EADDRINUSE names address and port', { skip: alone }, () => {
  withFd(listeningAt({ family: 'IPv4', address: '127.0.0.1', port: 0 }), (taken) => {
    const address = c.getsockname(taken);
    const port = portOf(address);
    withFd(c.socket(c.AF_INET, c.SOCK_STREAM), (fd) => {
      const expected = { code: 'EADDRINUSE', errno: -98, syscall: 'bind', address: '127.0.0.1', port };
      refused(() => c.bind(fd, address), expected, `127.0.0.1:${port}`);
    });
  });
});

test('bind: an IPv6 address stands in brackets in the message', { skip: alone }, () => {
  withFd(c.socket(c.AF_INET6, c.SOCK_STREAM), (fd) => {
    const expected = { code: 'EADDRNOTAVAIL', errno: -99, syscall: 'bind', address: '2001:db8::1', port: 81 };
    refused(
      () => c.bind(fd, { family: 'IPv6', address: '2001:db8::1', port: 81 }),
      expected,
      '[2001:db8::1]:81',
    );
  });
});

test('bind: a path error names the path', { skip: alone }, () => {
  const file = path.join(folder, 'file');
  fs.writeFileSync(file, '');
  const cases: [string, string, number][] = [
    [file, 'EADDRINUSE', -98],
    [MISSING, 'ENOENT', -2],
    [path.join(file, 'x'), 'ENOTDIR', -20],
  ];
  for (const [name, code, errno] of cases) {
    withFd(c.socket(c.AF_UNIX, c.SOCK_STREAM), (fd) => {
      refused(
        () => c.bind(fd, { family: 'unix', path: name }),
        { code, errno, syscall: 'bind', path: name },
        name,
      );
    });
  }
  withFd(c.socket(c.AF_UNIX, c.SOCK_STREAM), (fd) => {
    const taken = '\0listenq-taken';
    withFd(listeningAt({ family: 'unix', path: taken }), () => {
      const expected = { code: 'EADDRINUSE', errno: -98, syscall: 'bind', path: taken };
      refused(() => c.bind(fd, { family: 'unix', path: taken }), expected, '@listenq-taken');
    });
  });
});

test('connect: errors name where it went', { skip: alone }, () => {
  withFd(c.socket(c.AF_INET, c.SOCK_STREAM), (fd) => {
    const expected = {
      code: 'ENETUNREACH',
      errno: -101,
      syscall: 'connect',
      address: '192.0.2.1',
      port: 8080,
    };
    refused(() => c.connect(fd, NEVER), expected, '192.0.2.1:8080');
    const closed = { code: 'ECONNREFUSED', errno: -111, syscall: 'connect', address: '127.0.0.1', port: 9 };
    refused(() => c.connect(fd, { family: 'IPv4', address: '127.0.0.1', port: 9 }), closed, '127.0.0.1:9');
  });
  withFd(c.socket(c.AF_UNIX, c.SOCK_STREAM), (fd) => {
    const expected = { code: 'ENOENT', errno: -2, syscall: 'connect', path: MISSING };
    refused(() => c.connect(fd, { family: 'unix', path: MISSING }), expected, MISSING);
  });
});

test('connect: EINPROGRESS, EALREADY and EISCONN are thrown as they come', { skip: alone }, () => {
  withFd(listeningAt({ family: 'IPv4', address: '127.0.0.1', port: 0 }), (listener) => {
    c.listen(listener, 0);
    const to = c.getsockname(listener);
    const first = c.socket(c.AF_INET, c.SOCK_STREAM | c.SOCK_NONBLOCK);
    const second = c.socket(c.AF_INET, c.SOCK_STREAM | c.SOCK_NONBLOCK);
    assert.throws(() => c.connect(first, to), { code: 'EINPROGRESS', errno: -115, port: portOf(to) });
    c.connect(first, to);
    assert.throws(() => c.connect(first, to), { code: 'EISCONN', errno: -106 });
    // The queue is full now: the second one stays in SYN_SENT.
    assert.throws(() => c.connect(second, to), { code: 'EINPROGRESS' });
    assert.throws(() => c.connect(second, to), { code: 'EALREADY', errno: -114 });
    c.close(first);
    c.close(second);
  });
});

test('getpeername: ENOTCONN without a peer', { skip: alone }, () => {
  withFd(c.socket(c.AF_INET, c.SOCK_STREAM), (fd) => {
    assert.throws(() => c.getpeername(fd), { code: 'ENOTCONN', errno: -107, syscall: 'getpeername' });
  });
});

test(
  'getsockname: a family that has no address form here is EAFNOSUPPORT, not a wrong address',
  { skip: alone },
  () => {
    withFd(c.socket(c.AF_NETLINK, c.SOCK_RAW), (fd) => {
      assert.throws(() => c.getsockname(fd), { code: 'EAFNOSUPPORT' });
    });
  },
);
