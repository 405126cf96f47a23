import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listen, type Connection, type ListenOptions, type SystemCallError } from 'listenq';
import * as c from 'listenq/syscalls';
import { inChild } from '../support/child';
import { anyOf, needsRoot, privateNetwork, setSysctl } from '../support/machine';
import { beginConnect, closeAll, isConnected, portOf } from '../support/sockets';

const skip = privateNetwork();

/** Option, its value, the socket option that must show it, what that reads, what it reads when it is left out. */
const ROWS: [options: ListenOptions, level: string, name: string, read: number, unset: number][] = [
  [{ reuseAddress: true }, 'SOL_SOCKET', 'SO_REUSEADDR', 1, 1],
  [{ reuseAddress: false }, 'SOL_SOCKET', 'SO_REUSEADDR', 0, 1],
  [{ reusePort: true }, 'SOL_SOCKET', 'SO_REUSEPORT', 1, 0],
  [{ reusePort: false }, 'SOL_SOCKET', 'SO_REUSEPORT', 0, 0],
  [{ deferAcceptSeconds: 3 }, 'IPPROTO_TCP', 'TCP_DEFER_ACCEPT', 3, 0],
  [{ deferAcceptSeconds: 5 }, 'IPPROTO_TCP', 'TCP_DEFER_ACCEPT', 7, 0],
  [{ fastOpenQueue: 9 }, 'IPPROTO_TCP', 'TCP_FASTOPEN', 9, 0],
  [{ userTimeoutMs: 120_001 }, 'IPPROTO_TCP', 'TCP_USER_TIMEOUT', 120_001, 0],
  [{ receiveBuffer: 100_000 }, 'SOL_SOCKET', 'SO_RCVBUF', 200_000, 131_072],
  [{ sendBuffer: 100_000 }, 'SOL_SOCKET', 'SO_SNDBUF', 200_000, 16_384],
  [{ incomingCpu: 1 }, 'SOL_SOCKET', 'SO_INCOMING_CPU', 1, -1],
  [{ mark: 77 }, 'SOL_SOCKET', 'SO_MARK', 77, 0],
  [{ mark: 0xffffffff }, 'SOL_SOCKET', 'SO_MARK', -1, 0],
];

const FREE: [options: ListenOptions, ipv4: string, ipv6: string][] = [
  [{ freebind: true }, 'IP_FREEBIND', 'IPV6_FREEBIND'],
  [{ transparent: true }, 'IP_TRANSPARENT', 'IPV6_TRANSPARENT'],
];

for (const [options, level, name, read, unset] of ROWS) {
  for (const host of ['127.0.0.1', '::1']) {
    test(
      `listen: ${JSON.stringify(options)} on ${host} reads ${name} ${read}; without it ${unset}`,
      { skip },
      () => {
        const plain = listen({ host });
        const listener = listen({ host, ...options });
        // The defaults of the buffers are sysctls; the others are the kernel's own.
        if (!name.endsWith('BUF')) assert.equal(plain.getOption(level, name), unset);
        else assert.notEqual(plain.getOption(level, name), read);
        assert.equal(listener.getOption(level, name), read);
        closeAll([plain, listener]);
      },
    );
  }
}

for (const [options, ipv4, ipv6] of FREE) {
  test(
    `listen: ${JSON.stringify(options)} binds an address that is not here, of both families`,
    { skip },
    () => {
      for (const [host, level, name] of [
        ['192.0.2.7', 'IPPROTO_IP', ipv4],
        ['2001:db8::7', 'IPPROTO_IPV6', ipv6],
      ] as const) {
        assert.throws(() => listen({ host }), {
          code: 'EADDRNOTAVAIL',
          syscall: 'bind',
          address: host,
          port: 0,
        });
        const listener = listen({ host, ...options });
        assert.equal(listener.getOption(level, name), 1);
        assert.equal((listener.address() as { address: string }).address, host);
        listener.close();
      }
    },
  );
}

test(
  'listen: ipv6Only true refuses IPv4, false takes it; without it false, whatever bindv6only says',
  { skip },
  (t) => {
    t.after(() => {
      setSysctl('net.ipv6.bindv6only', 0);
    });
    for (const bindv6only of [0, 1]) {
      setSysctl('net.ipv6.bindv6only', bindv6only);
      for (const [options, only] of [
        [{}, 0],
        [{ ipv6Only: false }, 0],
        [{ ipv6Only: true }, 1],
      ] as [ListenOptions, number][]) {
        for (const host of [undefined, '::']) {
          const listener = listen({ ...options, ...(host === undefined ? {} : { host }) });
          assert.equal(listener.getOption('IPPROTO_IPV6', 'IPV6_V6ONLY'), only);
          const at = { family: 'IPv4', address: '127.0.0.1', port: portOf(listener.address()) } as const;
          const client = beginConnect(at);
          assert.equal(isConnected(client), only === 0);
          closeAll([client, listener]);
        }
      }
    }
  },
);

test('listen: reusePort lets two listeners have one port, each with its own queue', { skip }, () => {
  const first = listen({ host: '127.0.0.1', reusePort: true, backlog: 64 });
  const port = portOf(first.address());
  assert.throws(() => listen({ host: '127.0.0.1', port }), { code: 'EADDRINUSE' });
  const second = listen({ host: '127.0.0.1', port, reusePort: true, backlog: 64 });
  const clients = Array.from({ length: 40 }, () => beginConnect(first.address()));
  const [a, b] = [first.queue().length, second.queue().length];
  assert.equal(a + b, 40);
  assert.ok(a > 0 && b > 0, `${a} and ${b}`);
  closeAll([...clients, first, second]);
});

test('listen: bindToDevice reads back, and only that interface is listened on', { skip }, () => {
  const listener = listen({ host: '0.0.0.0', bindToDevice: 'lo' });
  const name = listener.getOption('SOL_SOCKET', 'SO_BINDTODEVICE', 16);
  assert.equal(name.toString('latin1').replace(/\0+$/, ''), 'lo');
  const client = beginConnect({ family: 'IPv4', address: '127.0.0.1', port: portOf(listener.address()) });
  assert.equal(isConnected(client), true);
  closeAll([client, listener]);
  assert.throws(() => listen({ host: '127.0.0.1', bindToDevice: 'nope0' }), {
    code: 'ENODEV',
    syscall: 'setsockopt',
  });
});

test('listen: deferAcceptSeconds keeps a silent client out of the queue until it speaks', { skip }, () => {
  const listener = listen({ host: '127.0.0.1', deferAcceptSeconds: 30 });
  const client = beginConnect(listener.address());
  assert.equal(isConnected(client), true);
  assert.equal(listener.queue().length, 0);
  assert.equal(listener.tryAccept(), null);
  c.send(client, Buffer.from('hello'));
  const connection = listener.accept({ timeoutMs: 5000 });
  assert.equal(connection.recv(5).toString(), 'hello');
  closeAll([client, connection, listener]);
});

test('listen: mptcp is SO_PROTOCOL 262, with a queue; a plain client gets TCP', { skip }, (t) => {
  let listener;
  try {
    listener = listen({ host: '127.0.0.1', mptcp: true, backlog: 3, deferAcceptSeconds: 0 });
  } catch (error) {
    const { code } = error as SystemCallError;
    if (code !== 'EPROTONOSUPPORT' && code !== 'ENOPROTOOPT') throw error;
    t.skip(`needs a kernel with MPTCP: ${code}`);
    return;
  }
  assert.equal(listener.getOption('SOL_SOCKET', 'SO_PROTOCOL'), 262);
  const clients = Array.from({ length: 6 }, () => beginConnect(listener.address()));
  assert.deepEqual([listener.queue().length, listener.queue().limit], [4, 3]);
  assert.deepEqual(clients.map(isConnected), [true, true, true, true, false, false]);
  const connection = listener.accept();
  assert.equal(connection.getOption('SOL_SOCKET', 'SO_PROTOCOL'), c.IPPROTO_TCP);
  closeAll([...clients, connection, listener]);
  const plain = listen({ host: '127.0.0.1', mptcp: false });
  assert.equal(plain.getOption('SOL_SOCKET', 'SO_PROTOCOL'), c.IPPROTO_TCP);
  plain.close();
});

test('listen: what was set before listen is on the connection that it accepts', { skip }, () => {
  const options = {
    receiveBuffer: 100_000,
    sendBuffer: 70_000,
    userTimeoutMs: 4321,
    mark: 5,
    reuseAddress: true,
  };
  const listener = listen({ host: '127.0.0.1', ...options });
  const client = beginConnect(listener.address());
  const connection: Connection = listener.accept();
  assert.equal(connection.getOption('SOL_SOCKET', 'SO_RCVBUF'), 200_000);
  assert.equal(connection.getOption('SOL_SOCKET', 'SO_SNDBUF'), 140_000);
  assert.equal(connection.getOption('IPPROTO_TCP', 'TCP_USER_TIMEOUT'), 4321);
  assert.equal(connection.getOption('SOL_SOCKET', 'SO_MARK'), 5);
  closeAll([client, connection, listener]);
});

test('listen: buffers and mark of a Unix-domain listener', { skip }, () => {
  const listener = listen({ path: '\0listenq-buffers', receiveBuffer: 50_000, sendBuffer: 60_000, mark: 9 });
  assert.equal(listener.getOption('SOL_SOCKET', 'SO_RCVBUF'), 100_000);
  assert.equal(listener.getOption('SOL_SOCKET', 'SO_SNDBUF'), 120_000);
  assert.equal(listener.getOption('SOL_SOCKET', 'SO_MARK'), 9);
  assert.equal(listener.getOption('SOL_SOCKET', 'SO_REUSEADDR'), 0);
  listener.close();
});

test('getOption, setOption: by number and by C name, an int and bytes', { skip }, () => {
  const listener = listen({ host: '127.0.0.1' });
  listener.setOption('SOL_SOCKET', 'SO_KEEPALIVE', true);
  assert.equal(listener.getOption(c.SOL_SOCKET, c.SO_KEEPALIVE), 1);
  listener.setOption(c.SOL_SOCKET, c.SO_LINGER, Int32Array.of(1, 7));
  assert.deepEqual(listener.getOption('SOL_SOCKET', 'SO_LINGER', 8), Buffer.from(Int32Array.of(1, 7).buffer));
  listener.setOption('IPPROTO_TCP', 'TCP_DEFER_ACCEPT', 3);
  assert.equal(listener.getOption('SOL_TCP', 'TCP_DEFER_ACCEPT'), 3);
  for (const name of ['SO_NOPE', 'constructor', '__proto__', '']) {
    assert.throws(() => listener.getOption('SOL_SOCKET', name), { code: 'ERR_INVALID_ARG_VALUE' }, name);
    assert.throws(() => listener.setOption(name, 'SO_LINGER', 1), { code: 'ERR_INVALID_ARG_VALUE' }, name);
  }
  listener.close();
});

test(
  'listen: an option that the kernel refuses leaves no descriptor',
  { skip: anyOf(skip, needsRoot()) },
  () => {
    const { result } = inChild((q) => {
      const fs = require('node:fs') as typeof import('node:fs');
      process.setuid?.(65534);
      const before = fs.readdirSync('/proc/self/fd').length;
      const codes = [
        { transparent: true },
        { mark: 5 },
        { bindToDevice: 'nope0' },
        { host: '127.0.0.1', port: 80 },
        { host: '::1', port: 1 },
      ].map((options) => {
        try {
          q.listen(options).close();
          return 'listens';
        } catch (error) {
          const { code, errno, syscall, message } = error as InstanceType<typeof q.SystemCallError>;
          return [code, errno, syscall, message.includes('CAP_NET') || message.includes('capab')];
        }
      });
      return { codes, left: fs.readdirSync('/proc/self/fd').length - before };
    });
    assert.deepEqual(result, {
      codes: [
        ['EPERM', -1, 'setsockopt', true],
        ['EPERM', -1, 'setsockopt', true],
        ['ENODEV', -19, 'setsockopt', false],
        ['EACCES', -13, 'bind', true],
        ['EACCES', -13, 'bind', true],
      ],
      left: 0,
    });
  },
);
