import assert from 'node:assert/strict';
import { test } from 'node:test';
import { interrupt, listen, type Connection, type Listener } from 'listenq';
import * as c from 'listenq/syscalls';
import { anyOf, isCloexec, needsTool, privateNetwork } from '../support/machine';
import { startPython } from '../support/python';
import { beginConnect, beginConnects, closeAll } from '../support/sockets';

const skip = privateNetwork();

/** The clock of the wait and the clock of the test are the same, but for what a double rounds away. */
const CLOCK_MS = 0.5;

function withListener(use: (listener: Listener) => void, backlog = 200): void {
  const listener = listen({ host: '127.0.0.1', backlog });
  try {
    use(listener);
  } finally {
    listener.close();
  }
}

test('accept: the connection is CLOEXEC and O_NONBLOCK, and knows both ends', { skip }, () => {
  withListener((listener) => {
    const client = beginConnect(listener.address());
    const connection = listener.accept();
    assert.deepEqual([isCloexec(connection.fd), c.getNonblocking(connection.fd)], [true, true]);
    assert.deepEqual(connection.remoteAddress, c.getsockname(client));
    assert.deepEqual(connection.localAddress, c.getpeername(client));
    closeAll([client, connection]);
  });
});

for (const timeoutMs of [0, 1, 30, 210, 450]) {
  test(`accept: ETIMEDOUT not before ${timeoutMs} ms`, { skip }, () => {
    withListener((listener) => {
      const start = performance.now();
      assert.throws(() => listener.accept({ timeoutMs }), {
        name: 'SystemCallError',
        code: 'ETIMEDOUT',
        errno: -110,
        syscall: 'accept',
      });
      assert.ok(performance.now() - start >= timeoutMs - CLOCK_MS, `${performance.now() - start}`);
    });
  });

  test(`acceptMany: empty, and not before ${timeoutMs} ms`, { skip }, () => {
    withListener((listener) => {
      const start = performance.now();
      assert.deepEqual(listener.acceptMany(5, { timeoutMs }), []);
      assert.ok(performance.now() - start >= timeoutMs - CLOCK_MS);
    });
  });
}

test('accept, acceptMany: timeoutMs 0 takes what is there', { skip }, () => {
  withListener((listener) => {
    const clients = beginConnects(listener.address(), 3);
    const taken = [listener.accept({ timeoutMs: 0 }), ...listener.acceptMany(9, { timeoutMs: 0 })];
    assert.equal(taken.length, 3);
    closeAll([...clients, ...taken]);
  });
});

test(
  'accept: no limit by undefined, Infinity and {}',
  { skip: anyOf(skip, needsTool('python3')) },
  async () => {
    const listener = listen({ host: '127.0.0.1' });
    const { port } = listener.address() as { port: number };
    const program = `
import socket, sys, time
time.sleep(0.5)
for i in range(3):
    time.sleep(0.25)
    socket.create_connection(('127.0.0.1', int(sys.argv[1]))).close()`;
    const peer = startPython(program, port);
    // More than one slice passes before each of them comes.
    const taken = [listener.accept(), listener.accept({}), listener.accept({ timeoutMs: Infinity })];
    for (const connection of taken) assert.equal(connection.recv(1).length, 0);
    closeAll([...taken, listener]);
    await peer.output;
  },
);

test('tryAccept: null, then the connection', { skip }, () => {
  withListener((listener) => {
    assert.equal(listener.tryAccept(), null);
    const client = beginConnect(listener.address());
    const connection = listener.tryAccept() as Connection;
    assert.equal(listener.tryAccept(), null);
    closeAll([client, connection]);
  });
});

for (const [waiting, max] of [
  [1, 1],
  [3, 2],
  [2, 9],
  [64, 64],
  [64, 100],
  [65, 65],
  [129, 128],
  [150, 2 ** 31 - 1],
] as const) {
  test(`acceptMany: ${waiting} waiting and at most ${max}, in their order`, { skip }, () => {
    withListener((listener) => {
      const clients = beginConnects(listener.address(), waiting);
      const taken = listener.acceptMany(max);
      const count = Math.min(waiting, max);
      assert.equal(taken.length, count);
      assert.deepEqual(
        taken.map((connection) => connection.remoteAddress),
        clients.slice(0, count).map((client) => c.getsockname(client)),
      );
      assert.equal(new Set(taken.map((connection) => connection.fd)).size, count);
      assert.equal(listener.queue().length, waiting - count);
      closeAll([...clients, ...taken]);
    });
  });
}

test('for-of: one connection after another, and break leaves the listener as it is', { skip }, () => {
  withListener((listener) => {
    const clients = beginConnects(listener.address(), 5);
    const taken: Connection[] = [];
    for (const connection of listener) {
      taken.push(connection);
      if (taken.length === 3) break;
    }
    assert.equal(listener.closed, false);
    assert.equal(listener.queue().length, 2);
    for (const connection of listener) {
      taken.push(connection);
      if (listener.queue().length === 0) listener.close();
    }
    assert.deepEqual(
      taken.map((connection) => connection.remoteAddress),
      clients.map((client) => c.getsockname(client)),
    );
    closeAll([...clients, ...taken]);
  });
});

test('for-of: a closed listener gives nothing, and no error', { skip }, () => {
  withListener((listener) => {
    listener.close();
    assert.deepEqual([...listener], []);
  });
});

test(
  'accept: a client that was reset while it waited is accepted, and its first recv says so',
  { skip },
  () => {
    withListener((listener) => {
      const client = beginConnect(listener.address());
      c.setsockopt(client, c.SOL_SOCKET, c.SO_LINGER, Int32Array.of(1, 0));
      const name = c.getsockname(client);
      c.close(client);
      const connection = listener.accept();
      assert.deepEqual(connection.remoteAddress, name);
      assert.throws(() => connection.recv(1), { code: 'ECONNRESET', errno: -104, syscall: 'recv' });
      assert.equal(connection.recv(1).length, 0);
      connection.close();
    });
  },
);

test('accept: EINVAL if the listening ends under it', { skip }, () => {
  withListener((listener) => {
    c.shutdown(listener.fd, c.SHUT_RD);
    for (const call of [() => listener.accept(), () => listener.tryAccept(), () => listener.acceptMany(3)]) {
      assert.throws(call, { code: 'EINVAL', syscall: 'accept' });
    }
    assert.throws(() => [...listener], { code: 'EINVAL' });
    assert.throws(() => listener.queue(), { code: 'EINVAL' });
    listener.setBacklog(3);
    const client = beginConnect(listener.address());
    closeAll([listener.accept(), client]);
  });
});

test('interrupt: of this thread, ends its next wait and none after', { skip }, () => {
  withListener((listener) => {
    assert.equal(interrupt(0), true);
    assert.throws(() => listener.accept({ timeoutMs: 5000 }), { name: 'Error', code: 'ERR_INTERRUPTED' });
    assert.throws(() => listener.accept({ timeoutMs: 10 }), { code: 'ETIMEDOUT' });
    interrupt(0);
    interrupt(0);
    assert.throws(() => listener.acceptMany(1, { timeoutMs: 5000 }), { code: 'ERR_INTERRUPTED' });
    assert.deepEqual(listener.acceptMany(1, { timeoutMs: 10 }), []);
  });
  assert.equal(interrupt(999_999), false);
});

test('accept: many rounds neither lose nor double a descriptor', { skip }, () => {
  withListener((listener) => {
    const at = listener.address();
    for (let round = 0; round < 30; round++) {
      const clients = beginConnects(at, 20);
      const taken = [...listener.acceptMany(7), listener.accept(), ...listener.acceptMany(50)];
      assert.equal(taken.length, 20);
      closeAll([...taken, ...clients]);
    }
  });
});
