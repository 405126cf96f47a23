import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeCertificate } from '../support/certificates';
import { anyOf, needsTool } from '../support/machine';
import { limitsAt } from '../support/ss';
import { Program, python, startExample } from './support/program';

const skip = anyOf(needsTool('python3'), needsTool('ss'));
const noCurl = anyOf(needsTool('curl'), needsTool('openssl'));

const FETCH = `
import http.client, json
client = http.client.HTTPConnection('127.0.0.1', int(args[0]), timeout=20)
def fetch(path):
    client.request('GET', path)
    answer = client.getresponse()
    return answer.status, answer.read().decode().strip()
`;

for (const name of ['express-server.js', 'fastify-server.js', 'koa-server.js']) {
  test(
    `${name.replace('.js', '')}: several requests on one connection, which the accept thread took; the backlog; SIGTERM closes`,
    { skip },
    async (t) => {
      const example = startExample(t, name, [0]);
      const port = await example.port();
      assert.deepEqual(limitsAt(Number(port)), [1024]);
      const said = await python(
        t,
        `${FETCH}
print(fetch('/hello/you'), fetch('/hello/me'), fetch('/nowhere')[0])
print(json.loads(fetch('/stats')[1])['delivered'])`,
        port,
      );
      assert.deepEqual(said.trim().split('\n'), ["(200, 'hello you') (200, 'hello me') 404", '1']);
      assert.match((await example.stop()).stdout, /^closed$/m);
    },
  );
}

/** Upgrades, and sends text in one masked frame, as RFC 6455 has it. */
const WEBSOCKET = `
import base64
def upgrade():
    s = client(args[0])
    s.sendall(b'GET / HTTP/1.1\\r\\nHost: here\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n'
        b'Sec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: ' + base64.b64encode(bytes(16)) + b'\\r\\n\\r\\n')
    head = b''
    while b'\\r\\n\\r\\n' not in head:
        chunk = s.recv(4096)
        if not chunk: break
        head += chunk
    return s, head.split(b'\\r\\n')[0].decode()
def echo(s, text):
    mask = b'mask'
    s.sendall(bytes([0x81, 0x80 | len(text)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(text)))
    head = s.recv(2, socket.MSG_WAITALL)
    return s.recv(head[1], socket.MSG_WAITALL).decode()
`;

test(
  'websocket-server: echoes; a connection beyond the most gets 503, and an upgraded one counts until it ends',
  { skip },
  async (t) => {
    const example = startExample(t, 'websocket-server.js', [0, '127.0.0.1', 1]);
    const said = await python(
      t,
      `${WEBSOCKET}
first, status = upgrade()
print(status, echo(first, b'hello'), echo(first, b'again'))
print(upgrade()[1])
first.close()
for i in range(200):
    second, status = upgrade()
    if '101' in status: break
    time.sleep(0.02)
print(status, echo(second, b'hello'))`,
      await example.port(),
    );
    assert.deepEqual(said.trim().split('\n'), [
      'HTTP/1.1 101 Switching Protocols hello again',
      'HTTP/1.1 503 Service Unavailable',
      'HTTP/1.1 101 Switching Protocols hello',
    ]);
    assert.match((await example.stop()).stdout, /^closed$/m);
  },
);

test('http2-server: h2c and, with a certificate, h2 and HTTP/1.1', { skip: noCurl }, async (t) => {
  const curl = (...args: string[]): Promise<string> =>
    new Program(t, 'curl', 'curl', ['-sS', ...args]).output();
  const plain = startExample(t, 'http2-server.js', [0]);
  const plainUrl = `http://127.0.0.1:${await plain.port()}/`;
  assert.equal(await curl('--http2-prior-knowledge', plainUrl), 'served by HTTP/2.0\n');
  const { keyFile, certFile } = makeCertificate('localhost');
  const secure = startExample(t, 'http2-server.js', [0, '127.0.0.1', keyFile, certFile]);
  const url = `https://127.0.0.1:${await secure.port()}/`;
  assert.equal(await curl('--cacert', certFile, url), 'served by HTTP/2.0\n');
  assert.equal(await curl('--cacert', certFile, '--http1.1', url), 'served by HTTP/1.1\n');
  for (const example of [plain, secure]) assert.match((await example.stop()).stdout, /^closed$/m);
});

test('https-server: TLS 1.3 to a client that checks the certificate', { skip: noCurl }, async (t) => {
  const { keyFile, certFile } = makeCertificate('localhost');
  const example = startExample(t, 'https-server.js', [keyFile, certFile, 0]);
  const url = `https://127.0.0.1:${await example.port()}/`;
  const heard = await new Program(t, 'curl', 'curl', ['-sS', '--cacert', certFile, url]).output();
  assert.equal(heard, 'served by TLSv1.3\n');
  assert.match((await example.stop()).stdout, /^closed$/m);
});
