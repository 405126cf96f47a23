import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import * as http2 from 'node:http2';
import * as https from 'node:https';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { makeCertificate } from '../support/certificates';
import { anyOf, needsTool } from '../support/machine';
import { Client, noting, sameBothWays, withAttached } from './side-by-side';

const run = promisify(execFile);
const noOpenssl = needsTool('openssl');
const certificate = noOpenssl === false ? makeCertificate('here.test') : undefined;
const EVENTS = ['connection', 'secureConnection', 'session', 'sessionError', 'unknownProtocol'];

function answer(request: http2.Http2ServerRequest, response: http2.Http2ServerResponse): void {
  response.end(`served ${request.url} by HTTP/${request.httpVersion}`);
}

function secureServer(options: http2.SecureServerOptions = {}): http2.Http2SecureServer {
  return http2.createSecureServer({ key: certificate?.key, cert: certificate?.cert, ...options }, answer);
}

/** Several streams on one session, opened before the first is answered. */
async function streams(session: http2.ClientHttp2Session, paths: string[]): Promise<string[]> {
  const opened = paths.map((path) => session.request({ ':path': path }).setEncoding('utf8'));
  return Promise.all(opened.map(async (stream) => (await stream.toArray()).join('')));
}

async function closed(session: http2.ClientHttp2Session): Promise<void> {
  const gone = once(session, 'close');
  session.close();
  await gone;
}

test('http2: h2c: three streams of one session; close() waits for the session', async () => {
  const seen = await sameBothWays(async (start) => {
    const server = http2.createServer(answer);
    const noted = noting(server, ...EVENTS, 'stream', 'request', 'close');
    const port = await start(server);
    const session = http2.connect(`http://127.0.0.1:${port}`);
    const answers = await streams(session, ['/1', '/2', '/3']);
    const ended = once(server, 'close');
    server.close();
    await closed(session);
    await ended;
    return { noted, answers };
  });
  assert.deepEqual(
    seen.answers,
    ['/1', '/2', '/3'].map((path) => `served ${path} by HTTP/2.0`),
  );
  // Node's own 'connection' listener is there before ours.
  assert.deepEqual(seen.noted.slice(0, 2), ['session', 'connection']);
  assert.equal(seen.noted.filter((event) => event === 'stream').length, 3);
});

test("http2: h2c: who speaks HTTP/1.1 is told so: 'sessionError'", async () => {
  const seen = await sameBothWays(async (start) => {
    const server = http2.createServer(answer);
    const failed = once(server, 'sessionError');
    const client = Client.to(await start(server), 'GET / HTTP/1.1\r\nHost: here\r\n\r\n');
    const [error] = (await failed) as [NodeJS.ErrnoException];
    client.socket.destroy();
    return error.code;
  });
  assert.equal(seen, 'ERR_HTTP2_ERROR');
});

test('http2: a session that times out is closed by the server', async () => {
  const seen = await sameBothWays(async (start) => {
    const server = http2.createServer(answer);
    server.on('session', (session) => session.setTimeout(60, () => session.close()));
    const session = http2.connect(`http://127.0.0.1:${await start(server)}`);
    const gone = once(session, 'close');
    await once(session, 'goaway');
    await gone;
    return session.destroyed;
  });
  assert.equal(seen, true);
});

test('http2: TLS: ALPN agrees on h2', { skip: noOpenssl }, async () => {
  const seen = await sameBothWays(async (start) => {
    const server = secureServer();
    const noted = noting(server, ...EVENTS);
    const port = await start(server);
    const session = http2.connect(`https://127.0.0.1:${port}`, { ca: certificate?.cert });
    const answers = await streams(session, ['/1', '/2']);
    const { alpnProtocol, encrypted } = session;
    await closed(session);
    return { noted, answers, alpnProtocol, encrypted };
  });
  assert.deepEqual(seen, {
    noted: ['connection', 'session', 'secureConnection'],
    answers: ['served /1 by HTTP/2.0', 'served /2 by HTTP/2.0'],
    alpnProtocol: 'h2',
    encrypted: true,
  });
});

test('http2: allowHTTP1 serves an https client too', { skip: noOpenssl }, async () => {
  const seen = await sameBothWays(async (start) => {
    const port = await start(secureServer({ allowHTTP1: true }));
    const request = https.get({ port, host: '127.0.0.1', ca: certificate?.cert, path: '/old', agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return (await response.toArray()).join('');
  });
  assert.equal(seen, 'served /old by HTTP/1.1');
});

test(
  'http2: curl, with prior knowledge and by ALPN',
  { skip: anyOf(noOpenssl, needsTool('curl')) },
  async () => {
    const ask = async (...args: string[]): Promise<string> => (await run('curl', ['-sS', ...args])).stdout;
    await withAttached(http2.createServer(answer), async (_, port) => {
      const heard = await ask('--http2-prior-knowledge', `http://127.0.0.1:${port}/plain`);
      assert.equal(heard, 'served /plain by HTTP/2.0');
    });
    await withAttached(secureServer({ allowHTTP1: true }), async (_, port) => {
      const url = `https://127.0.0.1:${port}/secure`;
      const trusted = ['--cacert', certificate?.certFile ?? ''];
      assert.equal(await ask(...trusted, '--http2', url), 'served /secure by HTTP/2.0');
      assert.equal(await ask(...trusted, '--http1.1', url), 'served /secure by HTTP/1.1');
    });
  },
);
