import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import * as https from 'node:https';
import * as tls from 'node:tls';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { makeCertificate } from '../support/certificates';
import { anyOf, needsTool } from '../support/machine';
import { startPython } from '../support/python';
import { Client, noting, sameBothWays, withAttached } from './side-by-side';

const run = promisify(execFile);
const skip = needsTool('openssl');
const [here, there] = skip === false ? [makeCertificate('here.test'), makeCertificate('there.test')] : [];

/** Of a server that has two certificates, and says which client it talks to. */
function optionsOf(more: tls.TlsOptions = {}): https.ServerOptions {
  return {
    key: here?.key,
    cert: here?.cert,
    SNICallback: (name, done) =>
      done(null, name === 'there.test' ? tls.createSecureContext({ ...there }) : undefined),
    ...more,
  };
}

function serverWith(more: tls.TlsOptions = {}): https.Server {
  return https.createServer(optionsOf(more), (request, response) => {
    response.sendDate = false;
    response.end(`served ${request.url}`);
  });
}

async function secured(port: number, options: tls.ConnectionOptions = {}): Promise<tls.TLSSocket> {
  const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  await once(socket, 'secureConnect');
  return socket;
}

test('https: a keep-alive agent has two requests on one secure connection', { skip }, async () => {
  const seen = await sameBothWays(async (start) => {
    const server = serverWith();
    const noted = noting(server, 'connection', 'secureConnection', 'request');
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ca: [here?.cert ?? ''] });
    const port = await start(server);
    const answers = [];
    for (const path of ['/1', '/2']) {
      const request = https.get({ port, host: '127.0.0.1', agent, path });
      const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream & AsyncIterable<Buffer>];
      let body = '';
      for await (const chunk of response) body += chunk.toString();
      answers.push([body, request.reusedSocket, (request.socket as tls.TLSSocket).authorized]);
    }
    agent.destroy();
    return { noted, answers };
  });
  assert.deepEqual(seen, {
    noted: ['connection', 'secureConnection', 'request', 'request'],
    answers: [
      ['served /1', false, true],
      ['served /2', true, true],
    ],
  });
});

test('https: SNI picks the certificate', { skip }, async () => {
  const seen = await sameBothWays(async (start) => {
    const port = await start(serverWith());
    const names = [];
    for (const servername of ['here.test', 'there.test']) {
      const socket = await secured(port, { servername });
      names.push(socket.getPeerCertificate().subject.CN);
      socket.destroy();
    }
    return names;
  });
  assert.deepEqual(seen, ['here.test', 'there.test']);
});

test('https: ALPN agrees on what both speak', { skip }, async () => {
  const seen = await sameBothWays(async (start) => {
    const port = await start(serverWith({ ALPNProtocols: ['echo', 'http/1.1'] }));
    const agreed = [];
    for (const ALPNProtocols of [['http/1.1'], ['other', 'echo']]) {
      const socket = await secured(port, { ALPNProtocols });
      agreed.push(socket.alpnProtocol);
      socket.destroy();
    }
    return agreed;
  });
  assert.deepEqual(seen, ['http/1.1', 'echo']);
});

test('https: a client certificate is asked for, and checked', { skip }, async () => {
  const seen = await sameBothWays(async (start) => {
    const server = serverWith({ requestCert: true, rejectUnauthorized: true, ca: [there?.cert ?? ''] });
    const noted: string[] = [];
    server.on('secureConnection', (socket) => {
      noted.push(`${String(socket.getPeerCertificate().subject.CN)} ${socket.authorized}`);
    });
    server.on('tlsClientError', (error: NodeJS.ErrnoException) => noted.push(error.code ?? error.message));
    const port = await start(server);
    const known = await secured(port, { key: there?.key ?? '', cert: there?.cert ?? '' });
    while (noted.length < 1) await once(server, 'secureConnection');
    known.destroy();
    // Without one. In TLS 1.3 the client hears of it after its own side of the handshake is done.
    const unknown = new Client(tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false }));
    await unknown.all();
    return noted;
  });
  assert.deepEqual(seen, ['there.test true', 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE']);
});

test('https: a session is resumed', { skip }, async () => {
  const seen = await sameBothWays(async (start) => {
    const port = await start(serverWith());
    const options = { maxVersion: 'TLSv1.2', servername: 'here.test' } as const;
    const first = await secured(port, options);
    const reused = [first.isSessionReused()];
    const session = first.getSession();
    first.destroy();
    const second = await secured(port, session === undefined ? options : { ...options, session });
    reused.push(second.isSessionReused());
    second.destroy();
    return reused;
  });
  assert.deepEqual(seen, [false, true]);
});

test(
  "https: garbage in place of a handshake: 'tlsClientError' with the code, and the next client is served",
  { skip },
  async () => {
    const seen = await sameBothWays(async (start) => {
      const server = serverWith();
      const refused = once(server, 'tlsClientError');
      const port = await start(server);
      const garbage = Client.to(port, 'this is no handshake at all\r\n');
      const [error] = (await refused) as [NodeJS.ErrnoException];
      await garbage.all();
      const next = new Client(await secured(port));
      next.say('GET /next HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n');
      return { code: error.code, next: (await next.all()).includes('served /next') };
    });
    // Which of the two it is, is OpenSSL's.
    assert.match(String(seen.code), /^ERR_SSL_(WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH_TOO_LONG)$/);
    assert.equal(seen.next, true);
  },
);

test('https: handshakeTimeout ends a client that begins none', { skip }, async () => {
  const seen = await sameBothWays(async (start) => {
    const server = serverWith({ handshakeTimeout: 60 });
    const refused = once(server, 'tlsClientError');
    const silent = Client.to(await start(server));
    const [error] = (await refused) as [NodeJS.ErrnoException];
    return { code: error.code, heard: await silent.all() };
  });
  assert.equal(seen.code, 'ERR_TLS_HANDSHAKE_TIMEOUT');
});

test(
  'https: curl checks the certificate, and is served',
  { skip: anyOf(skip, needsTool('curl')) },
  async () => {
    await withAttached(serverWith(), async (_, port) => {
      const url = `https://here.test:${port}/curl`;
      const resolve = `here.test:${port}:127.0.0.1`;
      const { stdout } = await run('curl', [
        '-sS',
        '--cacert',
        here?.certFile ?? '',
        '--resolve',
        resolve,
        url,
      ]);
      assert.equal(stdout, 'served /curl');
    });
  },
);

test("https: Python's ssl is served", { skip: anyOf(skip, needsTool('python3')) }, async () => {
  await withAttached(serverWith(), async (_, port) => {
    const program = `
import http.client, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
client = http.client.HTTPSConnection('127.0.0.1', int(sys.argv[1]), context=context, timeout=20)
for path in '/1', '/2':
    client.request('GET', path)
    print(client.getresponse().read().decode())`;
    assert.equal(await startPython(program, port, here?.certFile ?? '').output, 'served /1\nserved /2');
  });
});

test('https: openssl s_client is served', { skip }, async () => {
  await withAttached(serverWith(), async (_, port) => {
    const script =
      `printf 'GET /s_client HTTP/1.0\\r\\n\\r\\n' | timeout 20 openssl s_client -quiet -ign_eof ` +
      `-verify_return_error -CAfile '${here?.certFile}' -connect 127.0.0.1:${port} 2>/dev/null`;
    const { stdout } = await run('sh', ['-c', script]);
    assert.match(stdout, /served \/s_client$/);
  });
});
