import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as net from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect } from 'node:util';
import {
  acceptLoop,
  Connection,
  connect,
  interrupt,
  listen,
  receiveDescriptor,
  sendDescriptor,
} from 'listenq';
import * as c from 'listenq/syscalls';
import { inChild } from '../support/child';
import { isCloexec, needsTool, openDescriptors, openedSince, temporaryFolder } from '../support/machine';
import { withTcp } from '../support/pair';
import { closeAll, inodeOf, portOf } from '../support/sockets';
import { inWorker } from '../support/worker';
import { channelPair, fill, pythonAt } from './channel';

const skip = needsTool('python3');
/** Longer than any of these tests may take. */
const PATIENCE = { timeoutMs: 20_000 };

for (const type of ['SOCK_STREAM', 'SOCK_SEQPACKET'] as const) {
  test(`receiveDescriptor: what sendDescriptor sent is the same socket, CLOEXEC, over ${type}`, () => {
    const before = openDescriptors();
    const [here, there] = channelPair(c[type]);
    const listener = listen({ host: '127.0.0.1', backlog: 0 });
    sendDescriptor(here, listener);
    const fd = receiveDescriptor(there);
    assert.notEqual(fd, listener.fd);
    assert.equal(inodeOf(fd), inodeOf(listener.fd));
    assert.equal(isCloexec(fd), true);
    // The sender has its own still; the queue lives on in the copy.
    const client = connect({ host: '127.0.0.1', port: portOf(listener.address()) });
    listener.close();
    const adopted = listen({ fd });
    assert.deepEqual([adopted.fd, adopted.backlog, adopted.queue().length], [fd, 0, 1]);
    closeAll([client, adopted.accept(), adopted, here, there]);
    assert.deepEqual(openedSince(before), []);
  });
}

test('sendDescriptor: a Connection, a net.Server and a number go as well, over a number too', async () => {
  const before = openDescriptors();
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const serverFd = (server as unknown as { _handle: { fd: number } })._handle.fd;
  const file = fs.openSync('/dev/null', 'r');
  withTcp((client) => {
    const [here, there] = c.socketpair(c.AF_UNIX, c.SOCK_STREAM | c.SOCK_CLOEXEC);
    for (const [what, fd] of [
      [client, client.fd],
      [server, serverFd],
      [file, file],
    ] as const) {
      sendDescriptor(here, what);
      const received = receiveDescriptor(there);
      assert.equal(fs.fstatSync(received).ino, fs.fstatSync(fd).ino);
      c.close(received);
    }
    closeAll([here, there]);
  });
  fs.closeSync(file);
  server.close();
  await once(server, 'close');
  assert.deepEqual(openedSince(before), []);
});

test('sendDescriptor: descriptors arrive in the order in which they were sent, between other data', () => {
  const [here, there] = channelPair();
  const fds = ['/dev/null', '/dev/zero', '/dev/full'].map((name) => fs.openSync(name, 'r'));
  here.sendAll('before');
  for (const fd of fds) sendDescriptor(here, fd);
  here.sendAll('after');
  assert.equal(there.recvExactly(6).toString(), 'before');
  const received = fds.map(() => receiveDescriptor(there));
  assert.deepEqual(
    received.map((fd) => fs.readlinkSync(`/proc/self/fd/${fd}`)),
    ['/dev/null', '/dev/zero', '/dev/full'],
  );
  assert.equal(there.recvExactly(5).toString(), 'after');
  closeAll([...fds, ...received, here, there]);
});

test(
  "sendDescriptor: python3's recv_fds gets a listener with its queue, and accepts from it",
  { skip },
  async () => {
    const { channel, peer } = pythonAt(`
data, fds, flags, address = socket.recv_fds(channel, 100, 5)
listener = socket.socket(fileno=fds[0])
listener.settimeout(20)
print(data, len(fds), listener.accept()[0].recv(9))`);
    const listener = listen({ host: '127.0.0.1', backlog: 3 });
    const client = connect({ host: '127.0.0.1', port: portOf(listener.address()) });
    client.sendAll('hi');
    sendDescriptor(channel, listener);
    listener.close();
    assert.equal(await peer.output, "b'\\x00' 1 b'hi'");
    closeAll([client, channel]);
  },
);

test(
  "receiveDescriptor: a listener that python3's send_fds sent, with data that stays",
  { skip },
  async () => {
    const { channel, peer } = pythonAt(`
listener = socket.create_server(('127.0.0.1', 0), backlog=7)
socket.send_fds(channel, [b'some data'], [listener.fileno()])
port = listener.getsockname()[1]
listener.close()
client = socket.create_connection(('127.0.0.1', port), timeout=20)
print(client.recv(9))`);
    const listener = listen({ fd: receiveDescriptor(channel, PATIENCE) });
    assert.equal(channel.recvExactly(8, PATIENCE).toString(), 'ome data');
    assert.deepEqual([listener.backlog, listener.queue().limit], [7, 7]);
    const connection = listener.accept(PATIENCE);
    connection.sendAll('served');
    assert.equal(await peer.output, "b'served'");
    closeAll([connection, listener, channel]);
  },
);

test(
  'receiveDescriptor: a message without a descriptor, or with two, is refused and leaves nothing open',
  { skip },
  async () => {
    const { channel, peer } = pythonAt(`
channel.sendall(b'x')
channel.recv(1)
socket.send_fds(channel, [b'y'], [0, 1])
channel.recv(1)
socket.send_fds(channel, [b'z'], [1])`);
    const before = openDescriptors();
    const refused = (message: RegExp): void =>
      assert.throws(() => receiveDescriptor(channel, PATIENCE), { code: 'ERR_NOT_ONE_DESCRIPTOR', message });
    refused(/brought data and no descriptor/);
    channel.sendAll('1');
    refused(/brought 2 descriptors, which are closed/);
    assert.deepEqual(openedSince(before), []);
    channel.sendAll('2');
    c.close(receiveDescriptor(channel, PATIENCE));
    await peer.output;
    channel.close();
  },
);

test('receiveDescriptor: end of stream is ERR_CONNECTION_ENDED, a peer that died with unread data ECONNRESET', () => {
  const [here, there] = channelPair();
  here.close();
  assert.throws(() => receiveDescriptor(there), {
    code: 'ERR_CONNECTION_ENDED',
    message: /^receiveDescriptor: /,
  });
  const [first, second] = channelPair();
  second.sendAll('unread');
  first.close();
  assert.throws(() => receiveDescriptor(second), { code: 'ECONNRESET', syscall: 'recvmsg' });
  closeAll([there, second]);
});

test('sendDescriptor: a peer that is gone is EPIPE, and no signal', () => {
  const [here, there] = channelPair();
  there.close();
  assert.throws(() => sendDescriptor(here, 0), {
    code: 'EPIPE',
    syscall: 'sendmsg',
    message: /descriptor 0/,
  });
  here.close();
});

test('sendDescriptor, receiveDescriptor: timeoutMs ends the wait with ETIMEDOUT, and nothing is lost', () => {
  const [here, there] = channelPair();
  for (const timeoutMs of [0, 30]) {
    assert.throws(() => receiveDescriptor(there, { timeoutMs }), { code: 'ETIMEDOUT', syscall: 'recvmsg' });
  }
  fill(here);
  assert.throws(() => sendDescriptor(here, 0, { timeoutMs: 30 }), { code: 'ETIMEDOUT', syscall: 'sendmsg' });
  c.close(receiveDescriptor(there));
  sendDescriptor(here, 0, PATIENCE);
  closeAll([here, there]);
});

for (const call of ['sendDescriptor', 'receiveDescriptor'] as const) {
  test(`${call}: interrupt() from another thread ends the wait with ERR_INTERRUPTED`, async () => {
    const [here, there] = channelPair();
    fill(here);
    const { worker, heard, ended } = inWorker(
      (q, _, [name, fd]: [typeof call, number], { say }) => {
        say('ready');
        try {
          if (name === 'sendDescriptor') q.sendDescriptor(fd, 0);
          else q.receiveDescriptor(fd);
        } catch (error) {
          say((error as { code: string; message: string }).message);
        }
      },
      [call, here.fd],
    );
    await heard();
    assert.equal(interrupt(worker.threadId), true);
    assert.match(String(await heard()), new RegExp(`^${call}: another thread called interrupt`));
    await ended;
    closeAll([here, there]);
  });
}

test('sendDescriptor: a Listener that another thread closes meanwhile throws ERR_LISTENER_CLOSED', async () => {
  const [here, there] = channelPair();
  fill(here);
  const listener = listen({ host: '127.0.0.1' });
  const { ended } = inWorker((q, _, handle: ReturnType<typeof listener.share>) => {
    q.Listener.from(handle).close();
  }, listener.share());
  assert.throws(() => sendDescriptor(here, listener, PATIENCE), { code: 'ERR_LISTENER_CLOSED' });
  await ended;
  closeAll([here, there]);
});

test('receiveDescriptor: a worker that is terminated while it waits leaves nothing open', async () => {
  const before = openDescriptors();
  const [here, there] = channelPair();
  const { worker, heard, ended } = inWorker((q, _, fd: number, { say }) => {
    say('ready');
    for (;;) q.receiveDescriptor(fd);
  }, there.fd);
  await heard();
  await worker.terminate();
  await ended;
  closeAll([here, there]);
  assert.deepEqual(openedSince(before), []);
});

test(
  'receiveDescriptor: at the descriptor limit it is EMFILE, and what came is lost, not the next',
  { skip },
  () => {
    const { result } = inChild((q, s) => {
      const [a, b] = s.socketpair(s.AF_UNIX, s.SOCK_STREAM);
      q.sendDescriptor(a, 0);
      q.sendDescriptor(a, 0);
      const { hard } = s.getrlimit(s.RLIMIT_NOFILE);
      const last = s.dup(0);
      s.setrlimit(s.RLIMIT_NOFILE, { soft: last + 1, hard });
      const codes: string[] = [];
      const receive = (): void => {
        try {
          codes.push(String(q.receiveDescriptor(b) === last));
        } catch (error) {
          codes.push((error as { code: string }).code);
        }
      };
      receive();
      s.close(last);
      receive();
      return codes;
    });
    assert.deepEqual(result, ['EMFILE', 'true']);
  },
);

test('sendDescriptor, receiveDescriptor: a channel that is no Unix-domain socket is refused', () => {
  withTcp((client) => {
    for (const call of [() => sendDescriptor(client, 0), () => receiveDescriptor(client)]) {
      assert.throws(call, { code: 'ERR_INVALID_ARG_VALUE', message: /^over must be a Unix-domain socket/ });
    }
  });
  const file = fs.openSync('/dev/null', 'r');
  assert.throws(() => receiveDescriptor(file), { code: 'ENOTSOCK', message: new RegExp(`over ${file}`) });
  fs.closeSync(file);
  assert.throws(() => sendDescriptor(19_999, 0), { code: 'EBADF', message: /over 19999/ });
  const alone = c.socket(c.AF_UNIX, c.SOCK_STREAM | c.SOCK_CLOEXEC);
  assert.throws(() => sendDescriptor(alone, 0), { code: 'ENOTCONN' });
  c.close(alone);
});

test('sendDescriptor: what is closed, or not open, is refused, and nothing is sent', () => {
  const [here, there] = channelPair();
  const listener = listen({ host: '127.0.0.1' });
  listener.close();
  const [closed, other] = channelPair();
  closeAll([closed, other]);
  for (const [what, code] of [
    [listener, 'ERR_LISTENER_CLOSED'],
    [closed, 'ERR_CONNECTION_CLOSED'],
    [net.createServer(), 'ERR_SERVER_NOT_RUNNING'],
    [19_999, 'EBADF'],
  ] as const) {
    assert.throws(() => sendDescriptor(here, what), { code });
  }
  assert.throws(() => sendDescriptor(closed, 0), {
    code: 'ERR_CONNECTION_CLOSED',
    message: /^sendDescriptor: /,
  });
  assert.throws(() => receiveDescriptor(closed), {
    code: 'ERR_CONNECTION_CLOSED',
    message: /^receiveDescriptor: /,
  });
  assert.throws(() => receiveDescriptor(there, { timeoutMs: 0 }), { code: 'ETIMEDOUT' });
  closeAll([here, there]);
});

for (const [value, code] of [
  [undefined, 'ERR_INVALID_ARG_TYPE'],
  [null, 'ERR_INVALID_ARG_TYPE'],
  ['3', 'ERR_INVALID_ARG_TYPE'],
  [{ fd: 3 }, 'ERR_INVALID_ARG_TYPE'],
  [-1, 'ERR_OUT_OF_RANGE'],
  [0.5, 'ERR_OUT_OF_RANGE'],
  [NaN, 'ERR_OUT_OF_RANGE'],
  [2 ** 31, 'ERR_OUT_OF_RANGE'],
] as const) {
  test(`sendDescriptor, receiveDescriptor: ${inspect(value)} is refused with ${code}`, () => {
    const [here, there] = channelPair();
    assert.throws(() => sendDescriptor(value as never, 0), { code, message: /^over / });
    assert.throws(() => sendDescriptor(here, value as never), { code, message: /^what / });
    assert.throws(() => receiveDescriptor(value as never), { code, message: /^over / });
    closeAll([here, there]);
  });
}

test('sendDescriptor, receiveDescriptor: options that are none are refused', () => {
  const [here, there] = channelPair();
  const wrong = { timeout: 5 } as never;
  assert.throws(() => sendDescriptor(here, 0, wrong), { code: 'ERR_INVALID_ARG_VALUE' });
  assert.throws(() => receiveDescriptor(there, wrong), { code: 'ERR_INVALID_ARG_VALUE' });
  assert.throws(() => receiveDescriptor(there, { timeoutMs: -1 }), { code: 'ERR_OUT_OF_RANGE' });
  closeAll([here, there]);
});

test('sendDescriptor: a Listener counts as lent from then on: an accept loop that drains leaves the socket as it is', async () => {
  const [here, there] = channelPair();
  const listener = listen({ host: '127.0.0.1' });
  const port = portOf(listener.address());
  sendDescriptor(here, listener);
  const other = listen({ fd: receiveDescriptor(there) });
  const loop = acceptLoop(listener);
  await loop.close({ drain: true });
  const client = connect({ host: '127.0.0.1', port, timeoutMs: 20_000 });
  closeAll([client, other.accept(PATIENCE), other, here, there]);
});

test('Connection.from: a connection that was sent goes on in its new owner', () => {
  withTcp((client, server) => {
    const [here, there] = channelPair();
    sendDescriptor(here, server);
    const moved = Connection.from(receiveDescriptor(there));
    server.close();
    client.sendAll('still here');
    assert.equal(moved.recvExactly(10).toString(), 'still here');
    closeAll([moved, here, there]);
  });
});

test('sendDescriptor: the socket file of a Listener stays when it is closed, and leads to the receiver', () => {
  const path = join(temporaryFolder(), 'socket');
  const [here, there] = channelPair(c.SOCK_STREAM);
  const listener = listen({ path });
  sendDescriptor(here, listener);
  const received = listen({ fd: receiveDescriptor(there) });
  listener.close();
  const client = connect({ path });
  closeAll([received.accept(PATIENCE), client, received, here, there]);
});
