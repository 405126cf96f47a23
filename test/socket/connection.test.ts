import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { Connection, interrupt, listen, type SystemCallError } from 'listenq';
import * as c from 'listenq/syscalls';
import { isCloexec, needsTool, openDescriptors } from '../support/machine';
import { withTcp, withUnix } from '../support/pair';
import { startPython } from '../support/python';

const CLOCK_MS = 0.5;

test('recv: by size, into a buffer, and an empty one at end of stream', () => {
  withTcp((client, server) => {
    client.sendAll('hello world');
    assert.equal(server.recv(5).toString(), 'hello');
    const memory = new Uint8Array(20).fill(46);
    const got = server.recv(memory.subarray(2));
    assert.ok(Buffer.isBuffer(got));
    assert.equal(got.toString(), ' world');
    assert.equal(got.buffer, memory.buffer);
    assert.equal(Buffer.from(memory).toString(), '.. world............');
    client.shutdown('write');
    for (let i = 0; i < 3; i++) assert.equal(server.recv(10).length, 0);
  });
});

test('recv: a DataView, a Float64Array, shared memory', () => {
  withUnix((a, b) => {
    const shared = new SharedArrayBuffer(24);
    for (const view of [
      new DataView(shared, 4, 8),
      new Float64Array(shared, 8, 1),
      new Uint8Array(shared, 12, 8),
    ]) {
      a.sendAll('12345678');
      assert.equal(b.recv(view).toString(), '12345678');
      assert.equal(Buffer.from(shared, view.byteOffset, 8).toString(), '12345678');
    }
  });
});

test('recv: no room is ERR_OUT_OF_RANGE, as an empty result would be end of stream', () => {
  withUnix((a) => {
    for (const none of [0, -1, 0.5, Buffer.alloc(0), new DataView(new ArrayBuffer(0))]) {
      assert.throws(() => a.recv(none), { code: 'ERR_OUT_OF_RANGE' });
    }
  });
});

for (const [name, call] of [
  ['recv', (a: Connection, timeoutMs: number) => a.recv(1, { timeoutMs })],
  ['recvExactly', (a: Connection, timeoutMs: number) => a.recvExactly(2, { timeoutMs })],
  ['recv after setTimeout', (a: Connection, timeoutMs: number) => a.setTimeout(timeoutMs).recv(1)],
] as const) {
  test(`${name}: ETIMEDOUT not before its time, and the connection goes on`, () => {
    withUnix((a, b) => {
      for (const timeoutMs of [1, 40, 230]) {
        const start = performance.now();
        assert.throws(() => call(a, timeoutMs), { code: 'ETIMEDOUT', errno: -110, syscall: 'recv' });
        assert.ok(performance.now() - start >= timeoutMs - CLOCK_MS);
      }
      b.sendAll('ok');
      assert.equal(a.setTimeout(0).recvExactly(2).toString(), 'ok');
    });
  });
}

test('setTimeout: timeoutMs of a call wins; 0 and Infinity take it back', () => {
  withUnix((a) => {
    a.setTimeout(60_000);
    assert.throws(() => a.recv(1, { timeoutMs: 5 }), { code: 'ETIMEDOUT' });
    a.setTimeout(5);
    for (const none of [0, Infinity]) {
      assert.equal(a.setTimeout(none), a);
      interrupt(0);
      assert.throws(() => a.recv(1), { code: 'ERR_INTERRUPTED' }, 'no time limit');
      a.setTimeout(5);
    }
  });
});

test('recvExactly: what a time-out cut short is there for the next reader', () => {
  withUnix((a, b) => {
    b.sendAll('abc');
    assert.throws(() => a.recvExactly(5, { timeoutMs: 20 }), { code: 'ETIMEDOUT' });
    assert.throws(() => a.recvExactly(4, { timeoutMs: 20 }), { code: 'ETIMEDOUT' });
    b.sendAll('def');
    assert.equal(a.recvExactly(5).toString(), 'abcde');
    assert.equal(a.recv(10).toString(), 'f');
    b.sendAll('ghi');
    assert.throws(() => a.recvExactly(9, { timeoutMs: 20 }), { code: 'ETIMEDOUT' });
    assert.equal(a.recv(2).toString(), 'gh');
    assert.equal(a.recv(new Uint8Array(9)).toString(), 'i');
    assert.throws(() => a.recv(1, { timeoutMs: 0 }), { code: 'ETIMEDOUT' });
    assert.equal(a.recvExactly(0).length, 0);
  });
});

test('recvExactly: ERR_CONNECTION_ENDED at end of stream, and the bytes are kept', () => {
  withUnix((a, b) => {
    b.sendAll('abc');
    b.close();
    assert.throws(() => a.recvExactly(5), { name: 'Error', code: 'ERR_CONNECTION_ENDED', message: /3 of 5/ });
    assert.throws(() => a.recvExactly(4), { code: 'ERR_CONNECTION_ENDED' });
    assert.equal(a.recvExactly(3).toString(), 'abc');
    assert.throws(() => a.recvExactly(1), { code: 'ERR_CONNECTION_ENDED', message: /0 of 1/ });
    assert.equal(a.recv(1).length, 0);
  });
});

test('for-of: chunks to end of stream, held bytes first; closes nothing', () => {
  withTcp((client, server) => {
    client.sendAll('abc');
    assert.throws(() => server.recvExactly(10, { timeoutMs: 50 }), { code: 'ETIMEDOUT' });
    client.sendAll('def');
    client.shutdown('write');
    assert.equal(Buffer.concat([...server]).toString(), 'abcdef');
    assert.equal(server.closed, false);
    assert.deepEqual([...server], []);
  });
});

test('send: says how many bytes went; strings are UTF-8; views are their bytes', () => {
  withUnix((a, b) => {
    assert.equal(a.send('žluť'), 6);
    assert.equal(b.recv(10).toString(), 'žluť');
    assert.equal(a.send(Float64Array.of(1)), 8);
    assert.equal(b.recv(9).readDoubleLE(0), 1);
    assert.equal(a.sendAll(new DataView(new SharedArrayBuffer(4), 1, 2)), 2);
    assert.equal(b.recv(9).length, 2);
    assert.equal(a.send(''), 0);
    assert.equal(a.sendAll(new Uint8Array(0)), 0);
  });
});

test('send, sendAll: ETIMEDOUT when nobody reads, with bytesSent, and all that is arrives', () => {
  withUnix((a, b) => {
    const data = Buffer.alloc(8_000_000, 'x');
    const start = performance.now();
    let sent = -1;
    try {
      a.sendAll(data, { timeoutMs: 60 });
      assert.fail('sent all');
    } catch (error) {
      const { code, syscall, bytesSent } = error as SystemCallError & { bytesSent: number };
      assert.deepEqual([code, syscall], ['ETIMEDOUT', 'send']);
      sent = bytesSent;
    }
    assert.ok(performance.now() - start >= 60 - CLOCK_MS);
    assert.ok(sent > 0 && sent < data.length, String(sent));
    assert.throws(() => a.send('x', { timeoutMs: 10 }), { code: 'ETIMEDOUT', syscall: 'send' });
    a.shutdown('write');
    let got = 0;
    for (const chunk of b) got += chunk.length;
    assert.equal(got, sent);
  });
});

test(
  'sendAll: more than the kernel holds, to a peer that reads',
  { skip: needsTool('python3') },
  async () => {
    const listener = listen({ host: '127.0.0.1' });
    const program = `
import hashlib, socket, sys
peer = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
digest, size = hashlib.sha256(), 0
while chunk := peer.recv(65536):
    digest.update(chunk)
    size += len(chunk)
print(size, digest.hexdigest())`;
    const peer = startPython(program, (listener.address() as { port: number }).port);
    const connection = listener.accept();
    const data = Buffer.alloc(20_000_000);
    for (let i = 0; i < data.length; i += 4) data.writeUInt32LE(i, i);
    assert.equal(connection.sendAll(data), data.length);
    connection.close();
    listener.close();
    const { createHash } = await import('node:crypto');
    assert.equal(await peer.output, `${data.length} ${createHash('sha256').update(data).digest('hex')}`);
  },
);

test('send: EPIPE to a peer that is gone; bytesSent is 0', () => {
  withUnix((a, b) => {
    b.close();
    assert.throws(() => a.send('x'), { name: 'SystemCallError', code: 'EPIPE', errno: -32, syscall: 'send' });
    assert.throws(() => a.sendAll('x'), { code: 'EPIPE', bytesSent: 0 });
  });
});

test('shutdown: each direction, twice, and of a peer that is gone', () => {
  withTcp((client, server) => {
    client.shutdown('write');
    client.shutdown('write');
    assert.equal(server.recv(1).length, 0);
    assert.throws(() => client.send('x'), { code: 'EPIPE' });
    server.sendAll('still');
    assert.equal(client.recv(5).toString(), 'still');
    server.shutdown('both');
    assert.equal(client.recv(1).length, 0);
    client.shutdown('both');
    client.shutdown('read');
    assert.equal(client.closed, false);
  });
});

test('reset: the peer gets ECONNRESET, and this end is closed', () => {
  withTcp((client, server) => {
    client.sendAll('ab');
    client.reset();
    assert.equal(client.closed, true);
    assert.equal(server.recv(5).toString(), 'ab', 'what came before it is still there');
    assert.throws(() => server.recv(1), { code: 'ECONNRESET', syscall: 'recv' });
    assert.throws(() => server.sendAll('x'), { code: 'EPIPE' });
  });
});

test('reset: python3 sees ConnectionResetError', { skip: needsTool('python3') }, async () => {
  const listener = listen({ host: '127.0.0.1' });
  const program = `
import socket, sys
peer = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
peer.sendall(b'hello')
try:
    print(peer.recv(1))
except ConnectionResetError as error:
    print(error.errno)`;
  const peer = startPython(program, (listener.address() as { port: number }).port);
  const connection = listener.accept();
  assert.equal(connection.recvExactly(5).toString(), 'hello');
  connection.reset();
  listener.close();
  assert.equal(await peer.output, '104');
});

test('dup: one stream by two numbers, CLOEXEC; it ends with the last of them', () => {
  withTcp((client, server) => {
    const copy = client.dup();
    assert.notEqual(copy.fd, client.fd);
    assert.deepEqual([isCloexec(copy.fd), c.getNonblocking(copy.fd)], [true, true]);
    assert.deepEqual(copy.remoteAddress, client.remoteAddress);
    client.close();
    assert.throws(() => server.recv(1, { timeoutMs: 30 }), { code: 'ETIMEDOUT' }, 'not ended yet');
    copy.sendAll('by the copy');
    assert.equal(server.recv(20).toString(), 'by the copy');
    copy.close();
    assert.equal(server.recv(1).length, 0);
  });
});

test('setNoDelay, setKeepAlive: read back', () => {
  withTcp((client) => {
    const read = (name: string): number => client.getOption('IPPROTO_TCP', name);
    assert.equal(client.setNoDelay(), client);
    assert.equal(read('TCP_NODELAY'), 1);
    client.setNoDelay(false);
    assert.equal(read('TCP_NODELAY'), 0);
    const kept = ['TCP_KEEPIDLE', 'TCP_KEEPINTVL', 'TCP_KEEPCNT'].map(read);
    assert.equal(client.setKeepAlive(), client);
    assert.equal(client.getOption('SOL_SOCKET', 'SO_KEEPALIVE'), 1);
    assert.deepEqual(['TCP_KEEPIDLE', 'TCP_KEEPINTVL', 'TCP_KEEPCNT'].map(read), kept);
    client.setKeepAlive(true, { idleSeconds: 33, intervalSeconds: 12, count: 3 });
    assert.deepEqual(['TCP_KEEPIDLE', 'TCP_KEEPINTVL', 'TCP_KEEPCNT'].map(read), [33, 12, 3]);
    client.setKeepAlive(false);
    assert.equal(client.getOption('SOL_SOCKET', 'SO_KEEPALIVE'), 0);
  });
  withUnix((a) => {
    assert.throws(() => a.setNoDelay(), { code: 'EOPNOTSUPP', syscall: 'setsockopt' });
    assert.throws(() => a.tcpInfo(), { code: 'EOPNOTSUPP', syscall: 'getsockopt' });
  });
});

test('getOption, setOption: by name, by number, ints and bytes', () => {
  withTcp((client) => {
    client.setOption('SOL_SOCKET', 'SO_RCVLOWAT', 7);
    assert.equal(client.getOption(c.SOL_SOCKET, c.SO_RCVLOWAT), 7);
    client.setOption('IPPROTO_TCP', 'TCP_CONGESTION', Buffer.from('reno'));
    assert.match(client.getOption('IPPROTO_TCP', 'TCP_CONGESTION', 16).toString('latin1'), /^reno\0*$/);
    for (const name of ['SO_NOTHING', 'hasOwnProperty', 'so_rcvlowat']) {
      assert.throws(() => client.getOption('SOL_SOCKET', name), { code: 'ERR_INVALID_ARG_VALUE' });
    }
    assert.throws(() => client.setOption('SOL_SOCKET', 9999, 1), { code: 'ENOPROTOOPT' });
  });
});

test('tcpInfo: what the kernel says of both ends', () => {
  withTcp((client, server) => {
    client.sendAll('x'.repeat(5000));
    server.recvExactly(5000);
    const info = client.tcpInfo();
    assert.equal(info.state, 'ESTABLISHED');
    assert.ok(info.pathMtu > 1000 && info.sendMss > 500 && info.rttUs > 0 && info.sendCwnd > 0);
    const raw = client.getOption('IPPROTO_TCP', 'TCP_INFO', 104);
    assert.equal(info.pathMtu, raw.readUInt32LE(60));
    assert.equal(info.advertisedMss, raw.readUInt32LE(84));
    client.shutdown('write');
    assert.equal(server.recv(1).length, 0);
    assert.equal(server.tcpInfo().state, 'CLOSE_WAIT');
    assert.match(client.tcpInfo().state, /^FIN_WAIT[12]$/);
    server.close();
  });
});

test('localAddress, remoteAddress: reciprocal; the peer is known after close', () => {
  withTcp((client, server) => {
    assert.deepEqual(client.localAddress, server.remoteAddress);
    assert.deepEqual(client.remoteAddress, server.localAddress);
    const peer = server.remoteAddress;
    server.close();
    assert.deepEqual(server.remoteAddress, peer);
    client.close();
    assert.equal(client.remoteAddress.family, 'IPv4');
  });
});

test('new Connection: refused with ERR_ILLEGAL_CONSTRUCTOR', () => {
  const before = openDescriptors();
  const Made = Connection as unknown as new (...args: unknown[]) => Connection;
  for (const make of [() => new Made(), () => new Made(Symbol('listenq.internal'), 0)]) {
    assert.throws(make, { name: 'TypeError', code: 'ERR_ILLEGAL_CONSTRUCTOR', message: /Connection\.from/ });
  }
  assert.deepEqual(openDescriptors(), before);
});

test('inspect: says what the connection is, also once the peer is gone, and that it is closed', () => {
  withTcp((client, server) => {
    const { port } = server.localAddress as { port: number };
    assert.match(
      inspect(client),
      new RegExp(`^Connection { fd: ${client.fd}, family: AF_INET, .*remote: 127.0.0.1:${port} }$`),
    );
    server.reset();
    assert.match(inspect(client), /^Connection { fd: \d+, family: AF_INET/);
    client.close();
    assert.equal(inspect(client), 'Connection { closed }');
  });
});

test('close: twice, by dispose, and detach after it', () => {
  withTcp((client, server) => {
    const { fd } = client;
    client.close();
    client.close();
    client[Symbol.dispose]();
    assert.deepEqual([client.closed, client.fd], [true, -1]);
    assert.throws(() => c.getsockname(fd), { code: 'EBADF' });
    const given = server.detach();
    assert.deepEqual([server.closed, server.fd], [true, -1]);
    server.close();
    assert.equal(c.getNonblocking(given), true);
    assert.equal(c.recv(given, Buffer.alloc(1)), 0);
    c.close(given);
  });
});

test('close: does not close a number that was given to somebody else meanwhile', () => {
  withTcp((client) => {
    const { fd } = client;
    client.close();
    // The kernel gives the lowest free number: before long it is that one.
    const others: number[] = [];
    while (!others.includes(fd)) others.push(c.socket(c.AF_INET, c.SOCK_STREAM));
    client.close();
    client[Symbol.dispose]();
    assert.equal(c.getsockoptInt(fd, c.SOL_SOCKET, c.SO_TYPE), c.SOCK_STREAM);
    for (const other of others) c.close(other);
  });
});
