import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as c from 'listenq/syscalls';
import { withFd } from '../support/sockets';

function withPair(type: number, use: (a: number, b: number) => void): void {
  const [a, b] = c.socketpair(c.AF_UNIX, type | c.SOCK_NONBLOCK);
  withFd(a, () => withFd(b, () => use(a, b)));
}

const TEXT = Buffer.from('0123456789abcdef');

type View = NodeJS.ArrayBufferView;
/** Views of 16 bytes that begin somewhere inside their memory. */
const VIEWS: [name: string, make: (memory: ArrayBufferLike) => View][] = [
  ['Buffer', (memory) => Buffer.from(memory as ArrayBuffer, 8, 16)],
  ['Uint8Array', (memory) => new Uint8Array(memory, 8, 16)],
  ['Int8Array', (memory) => new Int8Array(memory, 8, 16)],
  ['DataView', (memory) => new DataView(memory, 8, 16)],
  ['Float64Array', (memory) => new Float64Array(memory, 8, 2)],
  ['BigInt64Array', (memory) => new BigInt64Array(memory, 8, 2)],
  ['Uint16Array', (memory) => new Uint16Array(memory, 8, 8)],
];

for (const [kind, Memory] of [
  ['ArrayBuffer', ArrayBuffer],
  ['SharedArrayBuffer', SharedArrayBuffer],
] as const) {
  for (const [name, make] of VIEWS) {
    test(`recv, send: a ${name} on an ${kind} is read and written in place, and nothing beside it`, () => {
      withPair(c.SOCK_STREAM, (a, b) => {
        const memory = new Memory(32);
        const view = make(memory);
        c.send(a, TEXT);
        assert.equal(c.recv(b, view), 16);
        const all = Buffer.from(new Uint8Array(memory));
        assert.equal(all.toString('latin1'), `${'\0'.repeat(8)}0123456789abcdef${'\0'.repeat(8)}`);
        assert.equal(c.send(b, view), 16);
        const back = Buffer.alloc(32);
        assert.equal(c.recv(a, back), 16);
        assert.deepEqual(back.subarray(0, 16), TEXT);
      });
    });
  }
}

test('recv: takes no more than there is room for, and leaves the rest', () => {
  withPair(c.SOCK_STREAM, (a, b) => {
    c.send(a, TEXT);
    const buffer = Buffer.alloc(10);
    assert.equal(c.recv(b, buffer), 10);
    assert.equal(c.recv(b, buffer), 6);
    assert.equal(buffer.toString('utf8', 0, 6), 'abcdef');
    assert.throws(() => c.recv(b, buffer), { code: 'EAGAIN', errno: -11, syscall: 'recv' });
  });
});

test('recv: a seqpacket message is cut to the room, and its rest is lost; MSG_TRUNC tells the length', () => {
  withPair(c.SOCK_SEQPACKET, (a, b) => {
    c.send(a, TEXT);
    c.send(a, TEXT);
    assert.equal(c.recv(b, Buffer.alloc(4)), 4);
    assert.equal(c.recv(b, Buffer.alloc(4), c.MSG_TRUNC), 16);
    assert.throws(() => c.recv(b, Buffer.alloc(4)), { code: 'EAGAIN' });
  });
});

test('recv: MSG_PEEK leaves what it reads', () => {
  withPair(c.SOCK_STREAM, (a, b) => {
    c.send(a, TEXT);
    const buffer = Buffer.alloc(16);
    assert.equal(c.recv(b, buffer, c.MSG_PEEK), 16);
    assert.equal(c.recv(b, buffer), 16);
  });
});

test('recv: 0 at end of stream, and 0 for a buffer without room', () => {
  withPair(c.SOCK_STREAM, (a, b) => {
    c.send(a, TEXT);
    assert.equal(c.recv(b, Buffer.alloc(0)), 0);
    assert.equal(c.recv(b, Buffer.alloc(20)), 16);
    c.shutdown(a, c.SHUT_WR);
    assert.equal(c.recv(b, Buffer.alloc(20)), 0);
  });
});

test('send: no bytes are none on a stream, and a message of their own on seqpacket', () => {
  withPair(c.SOCK_STREAM, (a, b) => {
    assert.equal(c.send(a, Buffer.alloc(0)), 0);
    assert.throws(() => c.recv(b, Buffer.alloc(1)), { code: 'EAGAIN' });
  });
  withPair(c.SOCK_SEQPACKET, (a, b) => {
    assert.equal(c.send(a, new Uint8Array(0)), 0);
    assert.equal(c.recv(b, Buffer.alloc(1)), 0);
    assert.throws(() => c.recv(b, Buffer.alloc(1)), { code: 'EAGAIN' });
  });
});

test('recv, send: a view whose memory was given away has no bytes', () => {
  withPair(c.SOCK_STREAM, (a, b) => {
    const view = new Uint8Array(16);
    structuredClone(view.buffer, { transfer: [view.buffer] });
    assert.equal(c.send(a, view), 0);
    c.send(a, TEXT);
    assert.equal(c.recv(b, view), 0);
  });
});

test('send: EAGAIN when the other end does not read, having taken some first', () => {
  withPair(c.SOCK_STREAM, (a) => {
    const block = Buffer.alloc(65536);
    let sent = 0;
    assert.throws(
      () => {
        for (let i = 0; i < 1000; i++) sent += c.send(a, block);
      },
      { code: 'EAGAIN', syscall: 'send' },
    );
    assert.ok(sent > 0);
  });
});

test('send: a peer that is gone is EPIPE, and no signal ends the process', () => {
  const [a, b] = c.socketpair(c.AF_UNIX, c.SOCK_STREAM);
  c.close(b);
  withFd(a, () => {
    assert.throws(() => c.send(a, TEXT), { code: 'EPIPE', errno: -32, syscall: 'send' });
    assert.equal(c.recv(a, Buffer.alloc(1)), 0);
  });
});

test('recv: a peer that closed over unread bytes is ECONNRESET', () => {
  const [a, b] = c.socketpair(c.AF_UNIX, c.SOCK_STREAM);
  c.send(a, TEXT);
  c.close(b);
  withFd(a, () => {
    assert.throws(() => c.recv(a, Buffer.alloc(1)), { code: 'ECONNRESET', errno: -104, syscall: 'recv' });
  });
});

test('recv, send, shutdown: ENOTCONN without a peer', () => {
  withFd(c.socket(c.AF_INET, c.SOCK_STREAM), (fd) => {
    assert.throws(() => c.recv(fd, Buffer.alloc(1)), { code: 'ENOTCONN', errno: -107 });
    assert.throws(() => c.send(fd, TEXT), { code: 'EPIPE' });
    assert.throws(() => c.shutdown(fd, c.SHUT_RDWR), { code: 'ENOTCONN', syscall: 'shutdown' });
  });
});

test('shutdown: SHUT_WR is end of stream for the peer; the other direction goes on', () => {
  withPair(c.SOCK_STREAM, (a, b) => {
    c.shutdown(a, c.SHUT_WR);
    assert.equal(c.recv(b, Buffer.alloc(1)), 0);
    assert.throws(() => c.send(a, TEXT), { code: 'EPIPE' });
    assert.equal(c.send(b, TEXT), 16);
    assert.equal(c.recv(a, Buffer.alloc(20)), 16);
    c.shutdown(a, c.SHUT_RD);
    assert.equal(c.recv(a, Buffer.alloc(1)), 0);
  });
});

test('shutdown: how 3 and -1 are EINVAL of the kernel', () => {
  withPair(c.SOCK_STREAM, (a) => {
    for (const how of [3, -1])
      assert.throws(() => c.shutdown(a, how), { code: 'EINVAL', syscall: 'shutdown' });
  });
});

test('recv, send, shutdown: EBADF and ENOTSOCK', () => {
  assert.throws(() => c.recv(-1, Buffer.alloc(1)), { code: 'EBADF', syscall: 'recv' });
  assert.throws(() => c.send(-1, TEXT), { code: 'EBADF', syscall: 'send' });
  assert.throws(() => c.shutdown(-1, 0), { code: 'EBADF', syscall: 'shutdown' });
  withFd(c.dup(2), (fd) => {
    if (c.poll([{ fd, events: 0 }], 0).length > 0) return;
    try {
      c.getsockname(fd);
    } catch {
      assert.throws(() => c.recv(fd, Buffer.alloc(1)), { code: 'ENOTSOCK' });
    }
  });
});

test('send: MSG_OOB arrives as POLLPRI and is read with MSG_OOB', () => {
  withFd(c.socket(c.AF_INET, c.SOCK_STREAM), (listener) => {
    c.bind(listener, { family: 'IPv4', address: '127.0.0.1', port: 0 });
    c.listen(listener, 1);
    withFd(c.socket(c.AF_INET, c.SOCK_STREAM), (client) => {
      c.connect(client, c.getsockname(listener));
      withFd(c.accept(listener).fd, (server) => {
        c.send(client, Buffer.from('!'), c.MSG_OOB);
        const [entry] = c.poll([{ fd: server, events: c.POLLPRI, revents: 0 }], 5000);
        assert.equal((entry?.revents ?? 0) & c.POLLPRI, c.POLLPRI);
        const urgent = Buffer.alloc(1);
        assert.equal(c.recv(server, urgent, c.MSG_OOB), 1);
        assert.equal(urgent.toString(), '!');
      });
    });
  });
});
