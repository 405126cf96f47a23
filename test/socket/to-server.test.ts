import assert from 'node:assert/strict';
import cluster from 'node:cluster';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { acceptLoop, connect, listen, Listener } from 'listenq';
import { queueOf } from 'listenq/kernel';
import * as c from 'listenq/syscalls';
import { inChild } from '../support/child';
import {
  anyOf,
  needsTool,
  openDescriptors,
  openedSince,
  privateNetwork,
  setSysctl,
  temporaryFolder,
} from '../support/machine';
import { startPython } from '../support/python';
import { beginConnects, closeAll, portOf } from '../support/sockets';
import { needsStrace, traced } from '../support/strace';
import { inWorker } from '../support/worker';

const skip = privateNetwork();
const MOST = 2 ** 31 - 1;

async function closed(server: net.Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

test(
  'toServer: a net.Server that python3 talks to; the Listener is closed',
  { skip: anyOf(skip, needsTool('python3')) },
  async () => {
    const listener = listen({ host: '127.0.0.1' });
    const at = listener.address();
    const server = listener.toServer({ allowHalfOpen: true, pauseOnConnect: false }, (socket) =>
      socket.pipe(socket),
    );
    assert.equal(server.listening, true);
    assert.deepEqual([listener.closed, listener.fd], [true, -1]);
    assert.ok(server instanceof net.Server);
    assert.deepEqual(server.address(), { address: '127.0.0.1', family: 'IPv4', port: portOf(at) });
    const peer = startPython(PEER, portOf(at));
    assert.equal(await peer.output, "b'echo me'");
    await closed(server);
  },
);

const PEER = `
import socket, sys
peer = socket.create_connection(('127.0.0.1', int(sys.argv[1])), timeout=20)
peer.sendall(b'echo me')
peer.shutdown(socket.SHUT_WR)
print(peer.recv(20))`;

test(
  "toServer: 'listening' comes after it has returned, and the clients that waited already are served",
  { skip },
  async () => {
    const listener = listen({ host: '127.0.0.1', backlog: 5 });
    const clients = beginConnects(listener.address(), 4);
    const events: string[] = [];
    const server = listener.toServer((socket) => {
      events.push('connection');
      socket.destroy();
    });
    server.once('listening', () => events.push('listening'));
    assert.deepEqual([events, queueOf(server).length], [[], 4]);
    while (events.length < 5) await turn();
    assert.deepEqual(events, ['listening', ...Array.from({ length: 4 }, () => 'connection')]);
    closeAll(clients);
    await closed(server);
  },
);

for (const [backlog, limit] of [
  [0, 0],
  [1, 1],
  [5, 5],
  [511, 511],
  [MOST, MOST],
  [-1, MOST],
  [-(2 ** 31), MOST],
] as const) {
  test(`toServer: backlog ${backlog} stays a limit of ${limit}`, { skip }, async () => {
    setSysctl('net.core.somaxconn', MOST);
    const server = listen({ host: '127.0.0.1', backlog }).toServer();
    assert.equal(queueOf(server).limit, limit);
    await closed(server);
  });
}

test('toServer: of backlog 0 one client is let in, as before', { skip }, async () => {
  const listener = listen({ host: '127.0.0.1', backlog: 0 });
  const at = listener.address();
  const server = listener.toServer();
  const clients = beginConnects(at, 3);
  assert.equal(queueOf(server).length, 1);
  closeAll(clients);
  await closed(server);
});

test('toServer: the limit of the living queue stays when somaxconn was raised since', { skip }, async () => {
  setSysctl('net.core.somaxconn', 10);
  const listener = listen({ host: '127.0.0.1', backlog: 100, warnIfCapped: false });
  setSysctl('net.core.somaxconn', 4096);
  const server = listener.toServer();
  assert.equal(queueOf(server).limit, 10);
  await closed(server);
});

test('toServer: a backlog that another thread or another owner set stays', { skip }, async () => {
  const listener = listen({ host: '127.0.0.1', backlog: 5 });
  const other = Listener.from(listener.share());
  other.setBacklog(0);
  const server = listener.toServer();
  assert.equal(queueOf(server).limit, 0);
  await closed(server);
  const fd = c.socket(c.AF_INET, c.SOCK_STREAM);
  c.bind(fd, { family: 'IPv4', address: '127.0.0.1', port: 0 });
  c.listen(fd, 3);
  const adopted = listen({ fd }).toServer();
  assert.equal(queueOf(adopted).limit, 3);
  await closed(adopted);
});

test(
  'toServer: listen(2) is called with the number that the kernel has, on a copy',
  { skip: anyOf(skip, needsStrace()) },
  () => {
    const { calls } = traced('listen', (q) => {
      for (const backlog of [0, 5]) q.listen({ host: '127.0.0.1', backlog }).toServer().close();
    });
    const numbers = calls.map((call) => /^listen\((\d+), (-?\d+)\)\s+= 0$/.exec(call)?.slice(1).map(Number));
    assert.deepEqual(
      numbers.map((found) => found?.[1]),
      [0, 0, 5, 5],
    );
    assert.notEqual(numbers[0]?.[0], numbers[1]?.[0]);
  },
);

test(
  "toServer: AF_UNIX keeps its backlog and address; the server's close removes the file",
  { skip },
  async () => {
    const file = path.join(temporaryFolder(), 'socket');
    const server = listen({ path: file, backlog: 0 }).toServer((socket) => socket.end('hi'));
    assert.deepEqual([server.address(), queueOf(server).limit], [file, 0]);
    const client = net.connect(file);
    const [said] = (await once(client, 'data')) as [Buffer];
    assert.equal(said.toString(), 'hi');
    await closed(server);
    assert.equal(fs.existsSync(file), false);
  },
);

test(
  "toServer: the server's close ends the copies in other threads; the end of a copy leaves the server",
  { skip },
  async () => {
    const before = openDescriptors();
    const listener = listen({ host: '127.0.0.1' });
    const port = portOf(listener.address());
    const handle = listener.share();
    const copies = [Listener.from(handle), Listener.from(handle)] as const;
    const server = listener.toServer((socket) => socket.end('hi'));
    copies[0].release();
    const client = net.connect(port, '127.0.0.1');
    await once(client, 'data');
    client.destroy();
    assert.equal(copies[1].closed, false);
    await closed(server);
    assert.equal(copies[1].closed, true);
    copies[1].close();
    assert.throws(() => connect({ host: '127.0.0.1', port }), { code: 'ECONNREFUSED' });
    assert.deepEqual(openedSince(before), []);
  },
);

test(
  'toServer: an accept loop of another copy that drains leaves the server its clients',
  { skip },
  async () => {
    const listener = listen({ host: '127.0.0.1' });
    const port = portOf(listener.address());
    const loop = acceptLoop(Listener.from(listener.share()));
    const server = listener.toServer((socket) => socket.end('hi'));
    await loop.close({ drain: true });
    const client = net.connect(port, '127.0.0.1');
    const [said] = (await once(client, 'data')) as [Buffer];
    assert.equal(said.toString(), 'hi');
    await closed(server);
  },
);

test('toServer: in a cluster worker the socket is its own, without the primary', { skip }, async () => {
  const file = path.join(temporaryFolder(), 'socket');
  cluster.setupPrimary({ exec: path.join(__dirname, 'cluster-to-server.js'), execArgv: [], args: [file] });
  let asked = false;
  cluster.once('listening', () => (asked = true));
  const worker = cluster.fork();
  const [told] = (await once(worker, 'message')) as [[boolean, number, { port: number }][]];
  const [tcp, unix] = told as [(typeof told)[0], (typeof told)[0]];
  assert.deepEqual(
    [tcp.slice(0, 2), unix],
    [
      [true, 0],
      [true, 0, file],
    ],
  );
  for (const place of [{ host: '127.0.0.1', port: tcp[2].port }, { path: file }]) {
    const [said] = (await once(net.connect(place), 'data')) as [Buffer];
    assert.equal(said.toString(), `worker ${worker.process.pid}`);
  }
  worker.send('end');
  await once(worker, 'exit');
  assert.deepEqual([asked, fs.existsSync(file)], [false, false]);
});

test(
  'toServer: seqpacket is refused with ERR_INVALID_FD_TYPE, wrong options as by Node; the Listener goes on',
  { skip },
  () => {
    const seqpacket = listen({ path: '\0listenq-to-server', seqpacket: true });
    assert.throws(() => seqpacket.toServer(), { name: 'TypeError', code: 'ERR_INVALID_FD_TYPE' });
    const listener = listen({ host: '127.0.0.1' });
    assert.throws(() => listener.toServer(5 as never), { code: 'ERR_INVALID_ARG_TYPE' });
    for (const open of [seqpacket, listener]) {
      assert.equal(open.tryAccept(), null);
      open.close();
    }
  },
);

test('toServer: what listen(2) refuses is emitted, and the Listener stays open', { skip }, async () => {
  const chosen = listen({ host: '127.0.0.1' });
  const port = portOf(chosen.address());
  chosen.close();
  // By its number: a port that the kernel chose is given back by shutdown(2).
  const listener = listen({ host: '127.0.0.1', port });
  c.shutdown(listener.fd, c.SHUT_RD);
  const other = listen({ host: '127.0.0.1', port });
  const server = listener.toServer();
  const [error] = (await once(server, 'error')) as [NodeJS.ErrnoException];
  assert.deepEqual(
    [error.code, error.syscall, server.listening, listener.closed],
    ['EADDRINUSE', 'listen', false, false],
  );
  closeAll([listener, other]);
});

test('toServer: of descriptor 0 too, which the server closes', { skip }, () => {
  const { result } = inChild(async (q, s) => {
    s.close(0);
    const listener = q.listen({ host: '127.0.0.1' });
    const { fd } = listener;
    const server = listener.toServer();
    const { port } = server.address() as { port: number };
    server.close();
    await (require('node:events') as typeof import('node:events')).once(server, 'close');
    try {
      q.connect({ host: '127.0.0.1', port });
    } catch (error) {
      return [fd, (error as { code: string }).code];
    }
    return [fd, 'still listens'];
  });
  assert.deepEqual(result, [0, 'ECONNREFUSED']);
});

test('toServer: the end of a worker leaves nothing that listens', { skip }, async () => {
  const before = openDescriptors();
  const { worker, heard, ended } = inWorker((q, _, __, { say }) => {
    const server = q.listen({ host: '127.0.0.1' }).toServer();
    say((server.address() as { port: number }).port);
  });
  const port = (await heard()) as number;
  closeAll([connect({ host: '127.0.0.1', port })]);
  await worker.terminate();
  await ended;
  assert.throws(() => connect({ host: '127.0.0.1', port }), { code: 'ECONNREFUSED' });
  assert.deepEqual(openedSince(before), []);
});

test(
  "toServer: an ordinary net.Server also where the drop-in's stands in for net.createServer",
  { skip },
  () => {
    const { result } = inChild((q) => {
      const node = require('node:net') as typeof import('node:net');
      const dropIn = require('listenq/server') as typeof import('listenq/server');
      const { queueOf: read } = require('listenq/kernel') as typeof import('listenq/kernel');
      Object.assign(node, { Server: dropIn.Server, createServer: dropIn.createServer });
      const server = q.listen({ host: '127.0.0.1', backlog: 0 }).toServer();
      const { limit } = read(server);
      server.close();
      return [server instanceof dropIn.Server, limit];
    });
    assert.deepEqual(result, [false, 0]);
  },
);
