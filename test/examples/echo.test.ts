import assert from 'node:assert/strict';
import * as net from 'node:net';
import { test } from 'node:test';
import { needsTool } from '../support/machine';
import { netcat, python, startExample, startPython } from './support/program';

const skip = needsTool('python3');

test('echo-server: every byte comes back, then end of stream', { skip }, async (t) => {
  const example = startExample(t, 'echo-server.js', [0]);
  const port = await example.port();
  const said = await python(
    t,
    `s = client(args[0])
data = bytes(range(256)) * 500
s.sendall(data[:100000])
s.sendall(data[100000:])
s.shutdown(socket.SHUT_WR)
print(to_end(s) == data)`,
    port,
  );
  assert.equal(said.trim(), 'True');
});

test('echo-server: serves the next client after the first, with nc', { skip: needsTool('nc') }, async (t) => {
  const example = startExample(t, 'echo-server.js', [0]);
  const port = await example.port();
  assert.equal(await netcat(t, 'ohai\n', 'localhost', port), 'ohai\n');
  assert.equal(await netcat(t, 'again\n', 'localhost', port), 'again\n');
});

test('echo-server: NODE_DEBUG=echo logs each message, nothing does not', { skip }, async (t) => {
  for (const [debug, lines] of [
    ['echo', 2],
    ['', 0],
  ] as const) {
    const example = startExample(t, 'echo-server.js', [0], { env: { NODE_DEBUG: debug } });
    const port = await example.port();
    const ask = `s = client(args[0]); s.sendall(b'12345'); s.shutdown(socket.SHUT_WR); print(to_end(s))`;
    assert.equal((await python(t, ask, port)).trim(), `b'12345'`);
    const log = (await example.stop()).stderr.split('\n').filter((line) => line.startsWith('ECHO'));
    assert.equal(log.length, lines, log.join('\n'));
    if (lines > 0) assert.match(log[0] as string, /5 bytes from 127\.0\.0\.1 port \d+$/);
  }
});

/** A python server that echoes `count` connections one byte at a time. */
const ECHO = `s = server()
for i in range(int(args[0])):
    c, address = s.accept()
    for byte in c.recv(1024): c.sendall(bytes([byte]))
    c.close()
print('served')`;

test('echo-client: both ways get their data back from a python server', { skip }, async (t) => {
  const server = startPython(t, ECHO, 2);
  const example = startExample(t, 'echo-client.js', [await server.port(), '127.0.0.1']);
  assert.equal(await example.output(), 'in one call: data\nstep by step: data\n');
  await server.line(/^served$/);
});

test('echo-client: a name is resolved, and its addresses tried in turn', { skip }, async (t) => {
  const server = startPython(t, ECHO, 2); // at 127.0.0.1 only, whatever else localhost stands for
  const example = startExample(t, 'echo-client.js', [await server.port(), 'localhost']);
  assert.equal(await example.output(), 'in one call: data\nstep by step: data\n');
});

test('echo-client: a server that ends in the middle is an error, not a short answer', { skip }, async (t) => {
  const server = startPython(t, `s = server(); c, a = s.accept(); c.recv(1024); c.sendall(b'da'); c.close()`);
  const { code, stderr } = await startExample(t, 'echo-client.js', [
    await server.port(),
    '127.0.0.1',
  ]).ended();
  assert.equal(code, 1);
  assert.match(stderr, /ERR_CONNECTION_ENDED/);
});

test('netcat: standard input goes to a python server, its answer to standard output', { skip }, async (t) => {
  const server = startPython(
    t,
    `s = server()
c, address = s.accept()
request = to_end(c)
c.sendall(request.upper())
c.close()`,
  );
  const example = startExample(t, 'netcat.js', ['127.0.0.1', await server.port()]);
  example.write('ohai ');
  example.end('there\n');
  assert.equal(await example.output(), 'OHAI THERE\n');
});

test('netcat: prints what node net says while its own input is still open', async (t) => {
  const server = net.createServer((socket) => socket.end('first, and last\n')).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as net.AddressInfo;
  const example = startExample(t, 'netcat.js', ['127.0.0.1', port]);
  assert.equal(await example.output(), 'first, and last\n');
});
