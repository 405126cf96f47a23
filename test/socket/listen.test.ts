import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { listen, listenDualStack, Listener, type ListenOptions } from 'listenq';
import * as c from 'listenq/syscalls';
import { isCloexec, openDescriptors, privateNetwork } from '../support/machine';
import { beginConnect, closeAll, isConnected, portOf, targetOf } from '../support/sockets';

const skip = privateNetwork();

test('listen: what it makes is a listening TCP socket, CLOEXEC and O_NONBLOCK', { skip }, () => {
  const listener = listen({ host: '127.0.0.1' });
  const { fd } = listener;
  assert.match(targetOf(fd), /^socket:/);
  assert.equal(listener.getOption('SOL_SOCKET', 'SO_ACCEPTCONN'), 1);
  assert.equal(listener.getOption('SOL_SOCKET', 'SO_TYPE'), c.SOCK_STREAM);
  assert.equal(listener.getOption('SOL_SOCKET', 'SO_PROTOCOL'), c.IPPROTO_TCP);
  assert.equal(isCloexec(fd), true);
  assert.equal(c.getNonblocking(fd), true);
  assert.equal(listener.closed, false);
  listener.close();
});

test(
  'listen: no SO_RCVTIMEO and no SO_SNDTIMEO, neither there nor on what it accepts with a timeout',
  { skip },
  () => {
    const listener = listen({ host: '127.0.0.1' });
    assert.throws(() => listener.accept({ timeoutMs: 20 }), { code: 'ETIMEDOUT' });
    const client = beginConnect(listener.address());
    const connection = listener.accept({ timeoutMs: 5000 });
    for (const socket of [listener, connection]) {
      for (const name of ['SO_RCVTIMEO', 'SO_SNDTIMEO']) {
        assert.deepEqual(socket.getOption('SOL_SOCKET', name, 16), Buffer.alloc(16), name);
      }
    }
    closeAll([client, connection, listener]);
  },
);

test('listen: by default all addresses of both families, and a port that the kernel picks', { skip }, () => {
  for (const options of [undefined, {}, { port: 0 }] as (ListenOptions | undefined)[]) {
    const listener = options === undefined ? listen() : listen(options);
    const port = portOf(listener.address());
    assert.deepEqual(listener.address(), { family: 'IPv6', address: '::', port });
    assert.equal(listener.getOption('IPPROTO_IPV6', 'IPV6_V6ONLY'), 0);
    const clients = [
      beginConnect({ family: 'IPv4', address: '127.0.0.1', port }),
      beginConnect({ family: 'IPv6', address: '::1', port }),
    ];
    assert.deepEqual(clients.map(isConnected), [true, true]);
    const taken = listener.acceptMany(2);
    assert.deepEqual(
      taken.map(({ remoteAddress }) => ({ ...remoteAddress, port: 0 })),
      [
        { family: 'IPv6', address: '::ffff:127.0.0.1', port: 0 },
        { family: 'IPv6', address: '::1', port: 0 },
      ],
    );
    closeAll([...clients, ...taken, listener]);
  }
});

for (const [host, address] of [
  ['127.0.0.1', { family: 'IPv4', address: '127.0.0.1' }],
  ['127.0.0.9', { family: 'IPv4', address: '127.0.0.9' }],
  ['0.0.0.0', { family: 'IPv4', address: '0.0.0.0' }],
  ['::1', { family: 'IPv6', address: '::1' }],
  ['::', { family: 'IPv6', address: '::' }],
  ['::ffff:127.0.0.1', { family: 'IPv6', address: '::ffff:127.0.0.1' }],
] as const) {
  test(`listen: host ${host} is the address bound`, { skip }, () => {
    const listener = listen({ host });
    assert.deepEqual({ ...listener.address(), port: 0 }, { ...address, port: 0 });
    listener.close();
  });
}

test('listen: host localhost is resolved', { skip }, () => {
  const listener = listen({ host: 'localhost' });
  const { address } = listener.address() as { address: string };
  assert.ok(['127.0.0.1', '::1'].includes(address), address);
  listener.close();
});

test('listen: the port asked for is the port bound, 65535 too', { skip }, () => {
  for (const port of [1, 80, 8080, 65535]) {
    const listener = listen({ port, host: '127.0.0.1' });
    assert.equal(portOf(listener.address()), port);
    listener.close();
  }
});

test(
  'listen: a listener closed with clients can be had again at once, as SO_REUSEADDR is on',
  { skip },
  () => {
    const first = listen({ port: 8123, host: '127.0.0.1' });
    const client = beginConnect(first.address());
    const connection = first.accept();
    // This end closes first, and keeps the port in TIME_WAIT.
    connection.close();
    c.recv(client, Buffer.alloc(1));
    closeAll([client, first]);
    listen({ port: 8123, host: '127.0.0.1' }).close();
  },
);

test(
  'listen: a taken port is EADDRINUSE at once, by bind, with address, port and what to do',
  { skip },
  () => {
    const taken = listen({ host: '127.0.0.1' });
    const port = portOf(taken.address());
    const before = openDescriptors();
    assert.throws(() => listen({ host: '127.0.0.1', port }), {
      name: 'SystemCallError',
      code: 'EADDRINUSE',
      errno: -98,
      syscall: 'bind',
      address: '127.0.0.1',
      port,
      message: new RegExp(`127\\.0\\.0\\.1:${port}.*ss -ltnp sport = :${port}`),
    });
    assert.deepEqual(openDescriptors(), before);
    taken.close();
  },
);

test('listenDualStack: IPv4 first, then IPv6, on one port, each with a queue of its own', { skip }, () => {
  const [four, six] = listenDualStack({ backlog: 0 });
  const port = portOf(four.address());
  assert.deepEqual(four.address(), { family: 'IPv4', address: '0.0.0.0', port });
  assert.deepEqual(six.address(), { family: 'IPv6', address: '::', port });
  assert.equal(six.getOption('IPPROTO_IPV6', 'IPV6_V6ONLY'), 1);
  const clients = [
    beginConnect({ family: 'IPv4', address: '127.0.0.1', port }),
    beginConnect({ family: 'IPv6', address: '::1', port }),
  ];
  assert.deepEqual([four.queue().length, six.queue().length], [1, 1]);
  assert.equal((four.tryAccept()?.remoteAddress as { address: string }).address, '127.0.0.1');
  assert.equal((six.tryAccept()?.remoteAddress as { address: string }).address, '::1');
  closeAll([...clients, four, six]);
});

test('listenDualStack: localhost, and options for both', { skip }, () => {
  const pair = listenDualStack({
    host: 'localhost',
    port: 8456,
    backlog: 3,
    reusePort: true,
    receiveBuffer: 40_000,
  });
  assert.deepEqual(
    pair.map((listener) => listener.address()),
    [
      { family: 'IPv4', address: '127.0.0.1', port: 8456 },
      { family: 'IPv6', address: '::1', port: 8456 },
    ],
  );
  for (const listener of pair) {
    assert.equal(listener.backlog, 3);
    assert.equal(listener.queue().limit, 3);
    assert.equal(listener.getOption('SOL_SOCKET', 'SO_REUSEPORT'), 1);
    assert.equal(listener.getOption('SOL_SOCKET', 'SO_RCVBUF'), 80_000);
  }
  closeAll(pair);
});

test('listenDualStack: a port that one family has taken leaves neither', { skip }, () => {
  const taken = listen({ host: '::1', ipv6Only: true });
  const port = portOf(taken.address());
  const before = openDescriptors();
  assert.throws(() => listenDualStack({ host: 'localhost', port }), {
    code: 'EADDRINUSE',
    syscall: 'bind',
    address: '::1',
    port,
  });
  assert.deepEqual(openDescriptors(), before);
  listen({ host: '127.0.0.1', port }).close();
  taken.close();
});

test('new Listener: refused with ERR_ILLEGAL_CONSTRUCTOR, by new and by a subclass', { skip }, () => {
  const Made = Listener as unknown as new (...args: unknown[]) => Listener;
  class Sub extends Made {}
  for (const make of [() => new Made(), () => new Made(Symbol('listenq.internal'), {}, 5), () => new Sub()]) {
    assert.throws(make, { name: 'TypeError', code: 'ERR_ILLEGAL_CONSTRUCTOR', message: /listen\(options\)/ });
  }
});

test('inspect: says what the listener is, and that it is closed', { skip }, () => {
  const listener = listen({ host: '127.0.0.1', backlog: -1 });
  const port = portOf(listener.address());
  assert.equal(
    inspect(listener),
    `Listener { fd: ${listener.fd}, family: AF_INET, type: SOCK_STREAM, protocol: IPPROTO_TCP, ` +
      `local: 127.0.0.1:${port}, backlog: -1 }`,
  );
  listener.close();
  assert.equal(inspect(listener), 'Listener { closed }');
  const unix = listen({ path: '\0listenq-inspect', seqpacket: true, backlog: 0 });
  assert.match(
    inspect(unix),
    /AF_UNIX, type: SOCK_SEQPACKET, protocol: 0, local: @listenq-inspect, backlog: 0 }/,
  );
  unix.close();
});

test('close: the number is -1, the port is free, a second close does nothing', { skip }, () => {
  const before = openDescriptors();
  const listener = listen({ port: 8124, host: '127.0.0.1' });
  listener.close();
  listener.close();
  listener[Symbol.dispose]();
  assert.deepEqual([listener.fd, listener.closed], [-1, true]);
  assert.deepEqual(openDescriptors(), before);
  const again = listen({ port: 8124, host: '127.0.0.1', reuseAddress: false });
  again[Symbol.dispose]();
  assert.equal(again.closed, true);
});

test('close: queued clients are reset', { skip }, () => {
  const listener = listen({ host: '127.0.0.1' });
  const client = beginConnect(listener.address());
  listener.close();
  assert.throws(() => c.recv(client, Buffer.alloc(1)), { code: 'ECONNRESET' });
  c.close(client);
});

test('detach: gives the number away, still listening, O_NONBLOCK and CLOEXEC', { skip }, () => {
  const listener = listen({ host: '127.0.0.1', backlog: 3 });
  const { fd } = listener;
  const at = listener.address();
  assert.equal(listener.detach(), fd);
  assert.deepEqual([listener.fd, listener.closed], [-1, true]);
  assert.throws(() => listener.detach(), { code: 'ERR_LISTENER_CLOSED' });
  listener.close();
  assert.equal(c.getNonblocking(fd), true);
  const client = beginConnect(at);
  closeAll([c.accept(fd).fd, client, fd]);
});
