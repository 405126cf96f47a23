import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { connect, listen, listenDualStack, type Connection, type ListenerHandle } from 'listenq';
import * as c from 'listenq/syscalls';
import {
  anyOf,
  isCloexec,
  needsTool,
  openDescriptors,
  privateNetwork,
  temporaryFolder,
} from '../support/machine';
import { startPython } from '../support/python';
import { beginConnect, beginConnects, closeAll, portOf } from '../support/sockets';
import { inWorker } from '../support/worker';

const skip = privateNetwork();
const folder = temporaryFolder();
const CLOCK_MS = 0.5;

test(
  'connect: IPv4 and IPv6, CLOEXEC and O_NONBLOCK, with no time-out of the socket left on',
  { skip },
  () => {
    for (const host of ['127.0.0.1', '::1']) {
      const listener = listen({ host });
      const connection = connect({ host, port: portOf(listener.address()) });
      assert.deepEqual(connection.remoteAddress, listener.address());
      assert.deepEqual([isCloexec(connection.fd), c.getNonblocking(connection.fd)], [true, true]);
      assert.deepEqual(connection.getOption('SOL_SOCKET', 'SO_SNDTIMEO', 16), Buffer.alloc(16));
      assert.equal(connection.getOption('SOL_SOCKET', 'SO_KEEPALIVE'), 0);
      closeAll([listener.accept(), connection, listener]);
    }
  },
);

test('connect: a path and an abstract name; no SO_SNDTIMEO is left on, and O_NONBLOCK is', { skip }, () => {
  for (const name of [path.join(folder, 'a'), '\0listenq-connect\0x']) {
    const listener = listen({ path: name });
    const connection = connect({ path: name, timeoutMs: 1000 });
    assert.deepEqual(connection.remoteAddress, { family: 'unix', path: name });
    assert.deepEqual(connection.getOption('SOL_SOCKET', 'SO_SNDTIMEO', 16), Buffer.alloc(16));
    assert.deepEqual([isCloexec(connection.fd), c.getNonblocking(connection.fd)], [true, true]);
    closeAll([listener.accept(), connection, listener]);
  }
});

test('connect: seqpacket; the wrong type is EPROTOTYPE', { skip }, () => {
  const file = path.join(folder, 'q');
  const listener = listen({ path: file, seqpacket: true });
  const connection = connect({ path: file, seqpacket: true });
  const server = listener.accept();
  connection.sendAll('one');
  connection.sendAll('two');
  assert.equal(server.recv(9).toString(), 'one');
  assert.throws(() => connect({ path: file }), {
    code: 'EPROTOTYPE',
    errno: -91,
    syscall: 'connect',
    path: file,
  });
  closeAll([server, connection, listener]);
});

test('connect: 0.0.0.0 is loopback, and remoteAddress says who answered', { skip }, () => {
  const listener = listen();
  const port = portOf(listener.address());
  const four = connect({ host: '0.0.0.0', port });
  const six = connect({ host: '::', port });
  assert.deepEqual(four.remoteAddress, { family: 'IPv4', address: '127.0.0.1', port });
  assert.deepEqual(six.remoteAddress, { family: 'IPv6', address: '::1', port });
  closeAll([four, six, listener]);
});

test('connect: localhost, by name and by default, whichever family listens', { skip }, () => {
  const [four, six] = listenDualStack();
  const port = portOf(four.address());
  closeAll([connect({ host: 'localhost', port }), connect({ port })]);
  six.close();
  const connection = connect({ host: 'localhost', port });
  assert.equal(connection.remoteAddress.family, 'IPv4');
  closeAll([connection, four]);
});

test('connect: localAddress and localPort', { skip }, () => {
  const listener = listen({ host: '127.0.0.1' });
  const port = portOf(listener.address());
  const first = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.77' });
  assert.equal((first.localAddress as { address: string }).address, '127.0.0.77');
  const second = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.78', localPort: 7777 });
  assert.deepEqual(second.localAddress, { family: 'IPv4', address: '127.0.0.78', port: 7777 });
  const third = connect({ host: 'localhost', port, localAddress: '127.0.0.79' });
  const fourth = connect({ host: '127.0.0.1', port, localPort: 7778 });
  assert.equal(portOf(fourth.localAddress), 7778);
  assert.throws(() => connect({ host: '127.0.0.1', port, localAddress: '192.0.2.1' }), {
    code: 'EADDRNOTAVAIL',
    syscall: 'bind',
    address: '192.0.2.1',
    port: 0,
  });
  assert.throws(() => connect({ host: '127.0.0.1', port, localPort: port, localAddress: '127.0.0.1' }), {
    code: 'EADDRINUSE',
    syscall: 'bind',
    port,
  });
  assert.throws(() => connect({ host: '127.0.0.1', port, localAddress: '::1' }), {
    code: 'ERR_INVALID_ARG_VALUE',
  });
  closeAll([first, second, third, fourth, listener]);
});

test('connect: refused, with address and port, and no descriptor left', { skip }, () => {
  const before = openDescriptors();
  for (const [host, shown] of [
    ['127.0.0.1', '127.0.0.1:9'],
    ['::1', '[::1]:9'],
  ] as const) {
    assert.throws(() => connect({ host, port: 9 }), {
      name: 'SystemCallError',
      code: 'ECONNREFUSED',
      errno: -111,
      syscall: 'connect',
      address: host,
      port: 9,
      message: new RegExp(`connect ECONNREFUSED: .*${shown.replace(/[[\]]/g, '\\$&')}.*nothing listens`),
    });
  }
  const missing = path.join(folder, 'missing');
  assert.throws(() => connect({ path: missing }), { code: 'ENOENT', syscall: 'connect', path: missing });
  const left = path.join(folder, 'left');
  listen({ path: left }).release();
  assert.throws(() => connect({ path: left }), { code: 'ECONNREFUSED', path: left });
  assert.throws(() => connect({ host: '192.0.2.1', port: 1 }), { code: 'ENETUNREACH', address: '192.0.2.1' });
  assert.deepEqual(openDescriptors(), before);
});

for (const timeoutMs of [0, 1, 60, 330]) {
  test(`connect: to a full queue ETIMEDOUT not before ${timeoutMs} ms, TCP and AF_UNIX`, { skip }, () => {
    const tcp = listen({ host: '127.0.0.1', backlog: 0 });
    const unix = listen({ path: '\0listenq-full', backlog: 0 });
    const first = [beginConnect(tcp.address()), beginConnect(unix.address())];
    const before = openDescriptors();
    const port = portOf(tcp.address());
    const attempts: [() => Connection, Record<string, unknown>][] = [
      [() => connect({ host: '127.0.0.1', port, timeoutMs }), { address: '127.0.0.1', port }],
      [() => connect({ path: '\0listenq-full', timeoutMs }), { path: '\0listenq-full' }],
    ];
    for (const [attempt, place] of attempts) {
      const start = performance.now();
      assert.throws(attempt, { code: 'ETIMEDOUT', errno: -110, syscall: 'connect', ...place });
      assert.ok(performance.now() - start >= timeoutMs - CLOCK_MS, `${performance.now() - start}`);
    }
    assert.deepEqual(openDescriptors(), before);
    closeAll([...first, tcp, unix]);
  });
}

test('connect: to a full Unix-domain queue waits until accept makes room', { skip }, async () => {
  const listener = listen({ path: '\0listenq-room', backlog: 1 });
  const first = beginConnects(listener.address(), 2);
  const other = inWorker((q, _, to: string, { say }) => {
    say('ready');
    const connection = q.connect({ path: to });
    connection.sendAll('in');
    connection.close();
    say('connected');
  }, '\0listenq-room');
  assert.equal(await other.heard(), 'ready');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
  assert.equal(listener.queue().length, 2);
  const taken = listener.acceptMany(2);
  const third = listener.accept({ timeoutMs: 10_000 });
  assert.equal(third.recv(2).toString(), 'in');
  assert.equal(await other.heard(), 'connected');
  await other.ended;
  closeAll([...first, ...taken, third, listener]);
});

test('connect: to a full TCP queue gets in at a later SYN, once there is room', { skip }, async () => {
  const listener = listen({ host: '127.0.0.1', backlog: 0 });
  const first = beginConnect(listener.address());
  const freeing = inWorker((q, _, handle: ListenerHandle) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    const copy = q.Listener.from(handle);
    copy.accept().close();
    copy.release();
  }, listener.share());
  const connection = connect({ host: '127.0.0.1', port: portOf(listener.address()) });
  assert.ok(connection.fd >= 0);
  await freeing.ended;
  closeAll([first, connection, listener]);
});

test('connect: an unknown name is ENOTFOUND or EAI_AGAIN, as of node:dns', { skip }, () => {
  assert.throws(
    () => connect({ host: 'no-such-host.invalid', port: 1 }),
    (error: unknown) => {
      const { code, syscall, hostname, message } = error as Record<string, string>;
      assert.ok(code === 'ENOTFOUND' || code === 'EAI_AGAIN', code);
      assert.deepEqual([syscall, hostname], ['getaddrinfo', 'no-such-host.invalid']);
      assert.equal(message, `getaddrinfo ${code} no-such-host.invalid`);
      return true;
    },
  );
});

test('connect: to a python3 server', { skip: anyOf(skip, needsTool('python3')) }, async () => {
  const program = `
import socket
server = socket.create_server(('127.0.0.1', 8777))
print('ready', flush=True)
peer, _ = server.accept()
data = peer.recv(100)
peer.sendall(data.upper())`;
  const peer = startPython(program);
  await new Promise((resolve) => peer.process.stdout?.once('data', resolve));
  const connection = connect({ host: '127.0.0.1', port: 8777 });
  connection.sendAll('over there');
  assert.equal(connection.recvExactly(10).toString(), 'OVER THERE');
  assert.equal(connection.recv(1).length, 0);
  connection.close();
  await peer.output;
});
