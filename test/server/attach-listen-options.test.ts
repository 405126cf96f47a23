import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { test } from 'node:test';
import { listen } from 'listenq';
import { queueOf } from 'listenq/kernel';
import { acceptLoopOf, attach, type AttachOptions } from 'listenq/server';
import * as c from 'listenq/syscalls';
import { needsRoot, temporaryFolder } from '../support/machine';
import { beginConnects, closeAll, portOf as portOfAddress } from '../support/sockets';
import { Client, descriptorOf, portOf, stop, withAttached } from './side-by-side';

const LOOPBACK = { port: 0, host: '127.0.0.1' };
const echo = (socket: net.Socket): unknown => socket.pipe(socket);

function optionOf(server: net.Server, level: number, name: number): number {
  return c.getsockopt(descriptorOf(server), level, name, 4).readInt32LE(0);
}

function hasMptcp(): boolean {
  try {
    listen({ ...LOOPBACK, mptcp: true }).close();
    return true;
  } catch {
    return false;
  }
}

/** Options of this package, and what the kernel then says of the socket. */
const OPTIONS: {
  title: string;
  where: AttachOptions;
  read: (server: net.Server) => unknown;
  value: unknown;
  skip?: string | false;
}[] = [
  {
    title: 'deferAcceptSeconds',
    where: { ...LOOPBACK, deferAcceptSeconds: 3 },
    read: (server) => optionOf(server, c.IPPROTO_TCP, c.TCP_DEFER_ACCEPT),
    value: 3,
  },
  {
    title: 'fastOpenQueue',
    where: { ...LOOPBACK, fastOpenQueue: 9 },
    read: (server) => optionOf(server, c.IPPROTO_TCP, c.TCP_FASTOPEN),
    value: 9,
  },
  {
    title: 'mptcp',
    where: { ...LOOPBACK, mptcp: true },
    read: (server) => optionOf(server, c.SOL_SOCKET, c.SO_PROTOCOL),
    value: c.IPPROTO_MPTCP,
    skip: hasMptcp() ? false : 'needs a kernel with MPTCP',
  },
  {
    title: 'bindToDevice',
    where: { ...LOOPBACK, bindToDevice: 'lo' },
    read: (server) => c.getsockopt(descriptorOf(server), c.SOL_SOCKET, c.SO_BINDTODEVICE, 16).toString(),
    value: 'lo\0',
    skip: needsRoot(),
  },
  {
    title: 'receiveBuffer',
    where: { ...LOOPBACK, receiveBuffer: 50000 },
    read: (server) => optionOf(server, c.SOL_SOCKET, c.SO_RCVBUF),
    value: 100000,
  },
];

for (const { title, where, read, value, skip = false } of OPTIONS) {
  test(
    `attach: ${title}: the kernel has it; the default backlog is 511; clients are served`,
    { skip },
    async () => {
      const server = net.createServer(echo);
      await withAttached(
        server,
        async (_, port) => {
          assert.equal(read(server), value);
          assert.equal(queueOf(server).limit, 511);
          const client = Client.to(port, 'hello');
          await client.has(/hello/);
          client.socket.end();
          assert.equal(await client.all(), 'hello(end)');
        },
        {},
        where,
      );
    },
  );
}

test('attach: reusePort: two servers at one port, each with a queue of its own, on any Node', async () => {
  await withAttached(
    net.createServer(),
    async (first, port) => {
      await withAttached(
        net.createServer(),
        (second) => {
          for (const server of [first, second])
            assert.equal(optionOf(server, c.SOL_SOCKET, c.SO_REUSEPORT), 1);
          assert.deepEqual([queueOf(first).limit, queueOf(second).limit], [3, 0]);
        },
        {},
        { ...LOOPBACK, port, reusePort: true, backlog: 0 },
      );
    },
    {},
    { ...LOOPBACK, reusePort: true, backlog: 3 },
  );
});

test('attach: mode: the permissions of the socket file; the file goes with close()', async () => {
  const at = path.join(temporaryFolder(), 'socket');
  const use = async (server: net.Server): Promise<void> => {
    assert.equal(server.address(), at);
    assert.equal(fs.statSync(at).mode & 0o777, 0o620);
    const client = new Client(net.connect(at));
    client.say('hello');
    await client.has(/hello/);
    client.socket.end();
    await client.all();
  };
  await withAttached(net.createServer(echo), use, {}, { path: at, mode: 0o620, backlog: 0 });
  assert.equal(fs.existsSync(at), false);
});

test('attach: an option of this package beside one of Node alone: refused, by name', () => {
  for (const name of ['exclusive', 'readableAll', 'signal'])
    assert.throws(() => attach(net.createServer(), { ...LOOPBACK, deferAcceptSeconds: 1, [name]: true }), {
      code: 'ERR_INVALID_ARG_VALUE',
      message: new RegExp(`where.${name}.*deferAcceptSeconds`),
    });
});

test('attach: a Listener: its backlog and address stay, and who waits in its queue is served', async () => {
  const listener = listen({ ...LOOPBACK, backlog: 5 });
  const early = ['one', 'two', 'three'].map((text) => Client.to(portOfAddress(listener.address()), text));
  await Promise.all(early.map(({ socket }) => once(socket, 'connect')));
  assert.equal(listener.queue().length, 3);
  const server = net.createServer(echo);
  await withAttached(
    server,
    async (_, port) => {
      assert.equal(port, portOfAddress(listener.address()));
      assert.equal(queueOf(server).limit, 5);
      for (const [index, word] of [/one/, /two/, /three/].entries()) await early[index]?.has(word);
      for (const { socket } of early) socket.end();
      acceptLoopOf(server)?.setBacklog(8);
      assert.equal(listener.queue().limit, 8);
    },
    {},
    listener,
  );
  assert.equal(listener.closed, true);
  await Promise.all(early.map((client) => client.all()));
});

test('attach: a Listener at a path: address() is the path, and close() removes the file', async () => {
  const at = path.join(temporaryFolder(), 'socket');
  const listener = listen({ path: at, backlog: 0 });
  const server = attach(net.createServer(echo), listener);
  await once(server, 'listening');
  assert.equal(server.address(), at);
  assert.equal(listener.queue().limit, 0);
  await stop(server);
  assert.equal(fs.existsSync(at), false);
});

test('attach: a Listener of no streams: refused, and the Listener is as before', () => {
  const listener = listen({ path: '\0listenq-attach-seqpacket', seqpacket: true });
  assert.throws(() => attach(net.createServer(), listener), { code: 'ERR_INVALID_ARG_VALUE' });
  assert.equal(listener.closed, false);
  listener.close();
});

test('attach: a Listener, while the server listens already: refused, and the Listener is as before', async () => {
  await withAttached(net.createServer(), (server, port) => {
    const listener = listen({ ...LOOPBACK, backlog: 2 });
    assert.throws(() => attach(server, listener), { code: 'ERR_SERVER_ALREADY_LISTEN' });
    assert.equal(listener.closed, false);
    assert.equal(listener.queue().limit, 2);
    assert.equal(portOf(server), port);
    listener.close();
  });
});

test('attach: highWaterMark 0 and a paused loop: exactly backlog + 1 clients get in', async () => {
  await withAttached(
    net.createServer(),
    (server, port) => {
      acceptLoopOf(server)?.pause();
      const clients = beginConnects({ family: 'IPv4', address: '127.0.0.1', port }, 8);
      const { length, limit } = queueOf(server);
      assert.deepEqual([length, limit], [4, 3]);
      closeAll(clients);
    },
    { highWaterMark: 0 },
    { ...LOOPBACK, backlog: 3 },
  );
});
