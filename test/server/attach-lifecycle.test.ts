import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as http from 'node:http';
import * as net from 'node:net';
import * as path from 'node:path';
import { test } from 'node:test';
import { listen, type AcceptLoopOptions } from 'listenq';
import { queueOf } from 'listenq/kernel';
import { acceptLoopOf, attach, type AttachOptions } from 'listenq/server';
import { temporaryFolder } from '../support/machine';
import { Client, portOf, sameBothWays, stop, withAttached } from './side-by-side';

const LOOPBACK = { port: 0, host: '127.0.0.1' };
const echo = (socket: net.Socket): unknown => socket.pipe(socket);

/** A server, and how it listens. */
function listening<S extends net.Server>(server: S, where: AttachOptions = LOOPBACK): Promise<S> {
  attach(server, where);
  return server.listening ? Promise.resolve(server) : once(server, 'listening').then(() => server);
}

test('attach: returns the server; listening, address() and the events are those of the plain one', async () => {
  const server = net.createServer();
  assert.equal(attach(server, LOOPBACK), server);
  await once(server, 'listening');
  await stop(server);

  const seen = await sameBothWays(async (start) => {
    const events: unknown[] = [];
    const one = net.createServer(echo);
    for (const event of ['listening', 'connection', 'close'])
      one.on(event, (...args) => events.push([event, args.length, one.listening, one.address() !== null]));
    const port = await start(one);
    const client = Client.to(port, 'hello');
    await client.has(/hello/);
    const { family, address } = one.address() as net.AddressInfo;
    client.socket.end();
    await client.all();
    await stop(one);
    return { events, family, address, after: [one.listening, one.address()] };
  });
  assert.deepEqual(seen, {
    events: [
      ['listening', 0, true, true],
      ['connection', 1, true, true],
      ['close', 0, false, false],
    ],
    ...{ family: 'IPv4', address: '127.0.0.1', after: [false, null] },
  });
});

test('attach: at a path: address() is the path, the file is there, and goes with close()', async () => {
  const at = path.join(temporaryFolder(), 'socket');
  const server = await listening(
    http.createServer((_, response) => response.end('served')),
    { path: at },
  );
  assert.equal(server.address(), at);
  assert.ok(fs.statSync(at).isSocket());
  const [response] = (await once(http.get({ socketPath: at }), 'response')) as [http.IncomingMessage];
  assert.equal((await response.toArray()).join(''), 'served');
  await stop(server);
  assert.equal(fs.existsSync(at), false);
});

/** What the kernel or the resolver refuses. `taken` is a port that is in use. */
const REFUSED: { title: string; where: (taken: number) => object; code: string }[] = [
  { title: 'EADDRINUSE', where: (port) => ({ port, host: '127.0.0.1' }), code: 'EADDRINUSE' },
  { title: 'EADDRNOTAVAIL', where: () => ({ port: 0, host: '192.0.2.1' }), code: 'EADDRNOTAVAIL' },
  { title: 'a name that is none', where: () => ({ port: 0, host: 'no.such.name.invalid' }), code: 'E.*' },
  {
    title: 'a folder that is not there',
    where: () => ({ path: '/no/such/folder/socket' }),
    code: 'EACCES|ENOENT',
  },
];

for (const { title, where, code } of REFUSED) {
  test(`attach: ${title}: emitted later, as by listen(); then the server can listen elsewhere`, async () => {
    const holder = net.createServer().listen(LOOPBACK);
    await once(holder, 'listening');
    const told = async (begin: (server: net.Server, options: object) => unknown): Promise<object> => {
      const server = net.createServer();
      begin(server, where(portOf(holder)));
      const [error] = (await once(server, 'error')) as [NodeJS.ErrnoException];
      const { name, ...properties } = error;
      const shown = { ...properties, name, message: error.message, listening: server.listening };
      begin(server, LOOPBACK);
      await once(server, 'listening');
      await stop(server);
      return shown;
    };
    const plain = (await told((server, options) => server.listen(options))) as NodeJS.ErrnoException;
    assert.deepEqual(await told((server, options) => attach(server, options)), plain);
    assert.match(String(plain.code), new RegExp(`^(${code})$`));
    // With an option that Node has not: the error is this package's, and is emitted all the same.
    const ours = (await told((server, options) =>
      attach(server, { ...options, receiveBuffer: 65536 }),
    )) as typeof plain;
    assert.match(String(ours.code), new RegExp(`^(${code})$`));
    holder.close();
  });
}

test('attach: while it listens: ERR_SERVER_ALREADY_LISTEN, and it goes on', async () => {
  await withAttached(net.createServer(echo), async (server, port) => {
    const { length, limit } = queueOf(server);
    assert.throws(() => attach(server, { ...LOOPBACK, backlog: 3 }), { code: 'ERR_SERVER_ALREADY_LISTEN' });
    assert.throws(() => server.listen(0, '127.0.0.1', 3), { code: 'ERR_SERVER_ALREADY_LISTEN' });
    assert.deepEqual([portOf(server), queueOf(server).limit, length], [port, limit, 0]);
    const client = Client.to(port, 'hello');
    await client.has(/hello/);
    client.socket.end();
  });
});

const closedListener = listen(LOOPBACK);
closedListener.close();

const WRONG: { title: string; args: unknown[]; error: { code: string; name: string; message?: RegExp } }[] = [
  { title: 'no server', args: [{}, LOOPBACK], error: { code: 'ERR_INVALID_ARG_TYPE', name: 'TypeError' } },
  { title: 'null', args: [null], error: { code: 'ERR_INVALID_ARG_TYPE', name: 'TypeError' } },
  { title: 'a number', args: [8080], error: { code: 'ERR_INVALID_ARG_TYPE', name: 'TypeError' } },
  {
    title: 'a mistyped option',
    args: [{ port: 0, backlogg: 5 }],
    error: { code: 'ERR_INVALID_ARG_VALUE', name: 'TypeError', message: /backlogg/ },
  },
  {
    title: 'a loop option among the options of listen',
    args: [{ port: 0, overload: 'reset' }],
    error: { code: 'ERR_INVALID_ARG_VALUE', name: 'TypeError', message: /overload/ },
  },
  {
    title: 'a mistyped loop option',
    args: [LOOPBACK, { maxWaitms: 5 }],
    error: { code: 'ERR_INVALID_ARG_VALUE', name: 'TypeError', message: /maxWaitms/ },
  },
  {
    title: 'a port that is none',
    args: [{ port: 65536 }],
    error: { code: 'ERR_SOCKET_BAD_PORT', name: 'RangeError' },
  },
  {
    title: 'a backlog beyond int32',
    args: [{ port: 0, backlog: 2 ** 31 }],
    error: { code: 'ERR_OUT_OF_RANGE', name: 'RangeError' },
  },
  {
    title: 'a backlog that is no number',
    args: [{ port: 0, backlog: {} }],
    error: { code: 'ERR_INVALID_ARG_TYPE', name: 'TypeError' },
  },
  {
    title: 'no stream socket',
    args: [{ path: '\0seqpacket', seqpacket: true }],
    error: { code: 'ERR_INVALID_ARG_VALUE', name: 'TypeError', message: /SOCK_SEQPACKET/ },
  },
  {
    title: 'a closed Listener',
    args: [closedListener],
    error: { code: 'ERR_LISTENER_CLOSED', name: 'Error' },
  },
];

for (const { title, args, error } of WRONG) {
  test(`attach: ${title}: ${error.code} thrown, and nothing listens`, () => {
    const server = net.createServer();
    const given = title === 'no server' ? args : [server, ...args];
    assert.throws(() => attach(...(given as [net.Server, AttachOptions, AcceptLoopOptions])), error);
    assert.equal(server.listening, false);
    assert.equal(acceptLoopOf(server), undefined);
  });
}

test('attach: again after close(); and then its own listen() keeps the exact backlog too', async () => {
  const server = await listening(net.createServer(echo), { ...LOOPBACK, backlog: 0 });
  assert.equal(queueOf(server).limit, 0);
  await stop(server);
  await listening(server, { ...LOOPBACK, backlog: 7 });
  assert.equal(queueOf(server).limit, 7);
  const loop = acceptLoopOf(server);
  await stop(server);
  assert.equal(acceptLoopOf(server), undefined);
  assert.equal(loop?.closed, true);
  for (const [args, limit] of [
    [[0, '127.0.0.1', 0], 0],
    [[LOOPBACK], 511],
    [[{ ...LOOPBACK, backlog: '5' }], 5],
  ] as [unknown[], number][]) {
    server.listen(...(args as [number, string, number]));
    await once(server, 'listening');
    assert.equal(queueOf(server).limit, limit);
    assert.notEqual(acceptLoopOf(server), undefined);
    await stop(server);
  }
});
