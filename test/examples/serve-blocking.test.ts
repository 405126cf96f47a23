import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needsTool } from '../support/machine';
import { netcat, python, startExample } from './support/program';

const skip = needsTool('python3');

test(
  'serve-blocking: echo serves two clients at once, the third waits for one of them',
  { skip },
  async (t) => {
    const example = startExample(t, 'serve-blocking.js', ['echo', 0]);
    const said = await python(
      t,
      `a, b, c = client(args[0]), client(args[0]), client(args[0])
for s in (a, b, c): s.sendall(b'hi')
print(a.recv(9), b.recv(9))
c.settimeout(0.5)
try: print(c.recv(9))
except TimeoutError: print('waits')
a.shutdown(socket.SHUT_WR)
c.settimeout(20)
print(to_end(a), c.recv(9))`,
      await example.port(),
    );
    assert.equal(said, "b'hi' b'hi'\nwaits\nb'' b'hi'\n");
  },
);

test('serve-blocking: time tells each client the time, and closes', { skip }, async (t) => {
  const example = startExample(t, 'serve-blocking.js', ['time', 0]);
  const said = await python(
    t,
    `for i in range(3): print(to_end(client(args[0])).decode().strip())`,
    await example.port(),
  );
  for (const line of said.trim().split('\n')) assert.match(line, /\d\d:\d\d:\d\d GMT/);
});

test('serve-blocking: print shows what nc sends; SIGTERM closes', { skip: needsTool('nc') }, async (t) => {
  const example = startExample(t, 'serve-blocking.js', ['print', 0]);
  assert.equal(await netcat(t, 'Hello World\n', '127.0.0.1', await example.port()), '');
  await example.line(/^a connection from 127\.0\.0\.1$/);
  await example.line(/^Hello World$/);
  await example.line(/^the client has closed$/);
  const { code, stdout } = await example.stop();
  assert.equal(code, 0);
  assert.match(stdout, /closed, 0 cut off\n$/);
});
