import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Connection, listen, Listener } from 'listenq';
import * as c from 'listenq/syscalls';
import { openDescriptors } from '../support/machine';

/** Every method and every getter that needs the descriptor, called rightly. */
const LISTENER: Record<string, (listener: Listener) => unknown> = {
  address: (listener) => listener.address(),
  setBacklog: (listener) => {
    listener.setBacklog(5);
  },
  queue: (listener) => listener.queue(),
  accept: (listener) => listener.accept(),
  'accept with a time limit': (listener) => listener.accept({ timeoutMs: 5 }),
  tryAccept: (listener) => listener.tryAccept(),
  acceptMany: (listener) => listener.acceptMany(5, { timeoutMs: 5 }),
  share: (listener) => listener.share(),
  getOption: (listener) => listener.getOption('SOL_SOCKET', 'SO_TYPE'),
  'getOption of a size': (listener) => listener.getOption('SOL_SOCKET', 'SO_LINGER', 8),
  setOption: (listener) => {
    listener.setOption('SOL_SOCKET', 'SO_KEEPALIVE', true);
  },
  toServer: (listener) => listener.toServer(),
  detach: (listener) => listener.detach(),
};

const CONNECTION: Record<string, (connection: Connection) => unknown> = {
  localAddress: (connection) => connection.localAddress,
  recv: (connection) => connection.recv(1),
  recvExactly: (connection) => connection.recvExactly(1),
  'recvExactly of nothing': (connection) => connection.recvExactly(0),
  send: (connection) => connection.send('x'),
  'send of nothing': (connection) => connection.send(''),
  sendAll: (connection) => connection.sendAll('x'),
  'sendAll of nothing': (connection) => connection.sendAll(''),
  'for-of': (connection) => [...connection],
  shutdown: (connection) => {
    connection.shutdown('both');
  },
  reset: (connection) => {
    connection.reset();
  },
  dup: (connection) => connection.dup(),
  setTimeout: (connection) => connection.setTimeout(5),
  setNoDelay: (connection) => connection.setNoDelay(),
  setKeepAlive: (connection) => connection.setKeepAlive(true, { idleSeconds: 5 }),
  getOption: (connection) => connection.getOption('SOL_SOCKET', 'SO_TYPE'),
  setOption: (connection) => {
    connection.setOption('SOL_SOCKET', 'SO_KEEPALIVE', true);
  },
  tcpInfo: (connection) => connection.tcpInfo(),
  inherited: (connection) => connection.inherited(),
  queuedMs: (connection) => connection.queuedMs(),
  toSocket: (connection) => connection.toSocket(),
  detach: (connection) => connection.detach(),
};

/** What is no error on a closed object. */
const HARMLESS = ['constructor', 'fd', 'closed', 'close', 'release', 'backlog', 'remoteAddress'];

function methodsOf(prototype: object): string[] {
  return Object.getOwnPropertyNames(prototype).filter((name) => !HARMLESS.includes(name));
}

test('closed: the tables have every method of the classes', () => {
  const plain = (table: object): string[] =>
    [...new Set(Object.keys(table).map((name) => name.split(' ')[0] as string))].filter(
      (name) => name !== 'for-of',
    );
  assert.deepEqual(plain(LISTENER).sort(), methodsOf(Listener.prototype).sort());
  assert.deepEqual(plain(CONNECTION).sort(), methodsOf(Connection.prototype).sort());
});

const LISTENER_ENDS: Record<string, (listener: Listener) => void> = {
  close: (listener) => {
    listener.close();
  },
  release: (listener) => {
    listener.release();
  },
  detach: (listener) => {
    c.close(listener.detach());
  },
  'close of another copy': (listener) => {
    Listener.from(listener.share()).close();
  },
};

for (const [how, end] of Object.entries(LISTENER_ENDS)) {
  test(`Listener after ${how}: every method throws ERR_LISTENER_CLOSED, and nothing else happens`, () => {
    const before = openDescriptors();
    for (const [name, call] of Object.entries(LISTENER)) {
      const listener = listen({ host: '127.0.0.1' });
      end(listener);
      assert.throws(
        () => call(listener),
        (error: unknown) => {
          assert.ok(error instanceof Error, name);
          assert.equal((error as { code?: string }).code, 'ERR_LISTENER_CLOSED', `${name}: ${error.message}`);
          assert.equal(error.name, 'Error');
          const method = name.split(' ')[0] as string;
          assert.ok(error.message.startsWith(`${method}: `), error.message);
          return true;
        },
      );
      assert.deepEqual([listener.closed, listener.fd, [...listener]], [true, -1, []]);
      listener.close();
      listener.release();
    }
    assert.deepEqual(openDescriptors(), before);
  });
}

const CONNECTION_ENDS: Record<string, (connection: Connection) => void> = {
  close: (connection) => {
    connection.close();
  },
  reset: (connection) => {
    connection.reset();
  },
  detach: (connection) => {
    c.close(connection.detach());
  },
};

for (const [how, end] of Object.entries(CONNECTION_ENDS)) {
  test(`Connection after ${how}: every method throws ERR_CONNECTION_CLOSED, and nothing else happens`, () => {
    const before = openDescriptors();
    for (const [name, call] of Object.entries(CONNECTION)) {
      const [a, b] = c.socketpair(c.AF_UNIX, c.SOCK_STREAM);
      const connection = Connection.from(a);
      end(connection);
      assert.throws(() => call(connection), { name: 'Error', code: 'ERR_CONNECTION_CLOSED' }, name);
      assert.deepEqual([connection.closed, connection.fd], [true, -1]);
      connection.close();
      c.close(b);
    }
    assert.deepEqual(openDescriptors(), before);
  });
}
