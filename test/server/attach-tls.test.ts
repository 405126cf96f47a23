import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import * as tls from 'node:tls';
import { test } from 'node:test';
import * as c from 'listenq/syscalls';
import { makeCertificate } from '../support/certificates';
import { needsTool, temporaryFolder } from '../support/machine';
import { Client, descriptorOf, noting, sameBothWays, withAttached } from './side-by-side';

const skip = needsTool('openssl');
const certificate = skip === false ? makeCertificate('here.test') : undefined;

const echo = (socket: net.Socket): unknown => socket.pipe(socket);
const tlsServer = (): tls.Server =>
  tls.createServer({ key: certificate?.key, cert: certificate?.cert }, echo);

test("tls: 'connection', then 'secureConnection'; bytes come back; both sides end", { skip }, async () => {
  const seen = await sameBothWays(async (start) => {
    const server = tlsServer();
    const noted = noting(server, 'connection', 'secureConnection', 'tlsClientError');
    const port = await start(server);
    const socket = tls.connect({ port, host: '127.0.0.1', ca: certificate?.cert });
    const client = new Client(socket);
    await once(socket, 'secureConnect');
    client.say('to and fro');
    await client.has(/to and fro/);
    socket.end();
    return { noted, heard: await client.all(), authorized: socket.authorized };
  });
  assert.deepEqual(seen, {
    noted: ['connection', 'secureConnection'],
    heard: 'to and fro(end)',
    authorized: true,
  });
});

test("tls: garbage: 'tlsClientError' with the code and no 'secureConnection'", { skip }, async () => {
  const seen = await sameBothWays(async (start) => {
    const server = tlsServer();
    const noted = noting(server, 'connection', 'secureConnection', 'tlsClientError');
    const refused = once(server, 'tlsClientError');
    const client = Client.to(await start(server), 'GET / HTTP/1.1\r\n\r\n');
    const [error] = (await refused) as [NodeJS.ErrnoException];
    await client.all();
    return { noted, code: error.code };
  });
  assert.deepEqual(seen, { noted: ['connection', 'tlsClientError'], code: 'ERR_SSL_HTTP_REQUEST' });
});

test("tls: a client that goes away in the handshake: 'tlsClientError'", { skip }, async () => {
  const seen = await sameBothWays(async (start) => {
    const server = tlsServer();
    const refused = once(server, 'tlsClientError');
    const client = Client.to(await start(server));
    await once(server, 'connection');
    client.socket.end();
    const [error] = (await refused) as [NodeJS.ErrnoException];
    return error.code;
  });
  assert.equal(seen, 'ECONNRESET');
});

test('tls: at a path, as over TCP', { skip }, async () => {
  const at = path.join(temporaryFolder(), 'socket');
  const heard = await withAttached(
    tlsServer(),
    async () => {
      const client = new Client(tls.connect({ path: at, ca: certificate?.cert, servername: 'here.test' }));
      client.say('to and fro');
      await client.has(/to and fro/);
      client.socket.end();
      return client.all();
    },
    {},
    { path: at },
  );
  assert.equal(heard, 'to and fro(end)');
  assert.equal(fs.existsSync(at), false);
});

test('net: allowHalfOpen, pauseOnConnect and noDelay are those of the server, which has no property more', async () => {
  const { own, ...seen } = await sameBothWays(async (start) => {
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    const port = await start(server);
    const client = Client.to(port, 'all of it');
    client.socket.end();
    const [socket] = (await once(server, 'connection')) as [net.Socket];
    const paused = socket.isPaused();
    socket.resume().setEncoding('utf8');
    const [text] = (await once(socket, 'data')) as [string];
    await once(socket, 'end');
    const { writable, allowHalfOpen } = socket;
    const noDelay = c.getsockopt(descriptorOf(socket), c.IPPROTO_TCP, c.TCP_NODELAY, 4).readInt32LE(0);
    socket.end('answered after the end');
    const heard = await client.all();
    return { paused, text, writable, allowHalfOpen, noDelay, heard, own: Object.keys(server).sort() };
  });
  assert.ok(own.includes('_handle'));
  assert.deepEqual(seen, {
    ...{ paused: true, text: 'all of it', writable: true, allowHalfOpen: true, noDelay: 1 },
    heard: 'answered after the end(end)',
  });
});
