import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { needsTool, temporaryFolder } from '../support/machine';
import { startExample, startPython, startScript } from './support/program';

// What docs/seeds.md says of Linux where no example prints it.

const skip = needsTool('python3');

test('close with unread bytes: the python client gets the reply, and then a reset', { skip }, async (t) => {
  const example = startExample(t, 'queue.js', [0]);
  const client = startPython(
    t,
    `s = client(args[0])
s.sendall(b'a request that nobody reads')
print(s.recv(100))
try: print(s.recv(100))
except OSError as e: print(errno.errorcode[e.errno])`,
    await example.port(),
  );
  // It waits in the queue, and its bytes with it.
  await example.line(/^1 waiting/);
  await new Promise((resolve) => setTimeout(resolve, 200));
  example.write('accept\n');
  assert.equal(await client.output(), "b'your turn\\n'\nECONNRESET\n");
});

test('send after the peer has closed: the first succeeds, the second is EPIPE', { skip }, async (t) => {
  const server = startPython(
    t,
    `s = server(); c, a = s.accept(); c.close(); print('closed'); sys.stdin.readline()`,
  );
  const port = await server.port();
  const script = startScript(
    t,
    `const { connect } = require('listenq');
const { poll } = require('listenq/syscalls');
const connection = connect({ host: '127.0.0.1', port: ${port} });
console.log('end of stream:', connection.recv(1).length);
for (let i = 0; i < 2; i++) {
  try { console.log('sent', connection.send('x')); } catch (error) { console.log(error.code); }
  poll([], 100);
}`,
  );
  assert.equal(await script.output(), 'end of stream: 0\nsent 1\nEPIPE\n');
});

test('recv of 0 bytes: waits on an open connection, and gives 0 when there is data', { skip }, async (t) => {
  const server = startPython(
    t,
    `s = server(); c, a = s.accept(); sys.stdin.readline(); c.sendall(b'x'); to_end(c)`,
  );
  const port = await server.port();
  const script = startScript(
    t,
    `const sys = require('listenq/syscalls');
const fd = sys.socket(sys.AF_INET, sys.SOCK_STREAM);
sys.connect(fd, { family: 'IPv4', address: '127.0.0.1', port: ${port} });
console.log('connected');
const started = performance.now();
const count = sys.recv(fd, Buffer.alloc(0));
console.log('gave', count, 'after', Math.round(performance.now() - started));
console.log('then', sys.recv(fd, Buffer.alloc(1)));`,
  );
  await script.line(/^connected$/);
  await new Promise((resolve) => setTimeout(resolve, 500));
  server.write('\n');
  assert.ok(Number(await script.word(/^gave 0 after (\d+)$/)) >= 300);
  await script.line(/^then 1$/);
});

test(
  'a full Unix-domain queue: EAGAIN for who does not wait, room after accept for who does',
  { skip },
  async (t) => {
    const place = path.join(temporaryFolder(), 'socket');
    const script = startScript(
      t,
      `const listener = require('listenq').listen({ path: ${JSON.stringify(place)}, backlog: 0 });
console.log('ready');
process.stdin.once('data', () => {
  console.log('waiting', listener.queue().length, listener.queue().limit);
  const [first, second] = [listener.accept(), listener.accept({ timeoutMs: 10000 })];
  console.log('both');
  process.exit();
});`,
    );
    await script.line(/^ready$/);
    const clients = startPython(
      t,
      `def attempt(blocking):
    s = socket.socket(socket.AF_UNIX)
    s.setblocking(blocking)
    print('connecting')
    return s, s.connect_ex(args[0])
first, result = attempt(False)
print('first', result)
second, result = attempt(False)
print('second', errno.errorcode[result])
third, result = attempt(True)
print('third', result)`,
      place,
    );
    await clients.line(/^first 0$/);
    await clients.line(/^second EAGAIN$/);
    await clients.line(/^connecting$/);
    script.write('\n');
    await script.line(/^waiting 1 0$/);
    await clients.line(/^third 0$/);
    await script.line(/^both$/);
  },
);
