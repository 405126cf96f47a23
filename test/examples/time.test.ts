import assert from 'node:assert/strict';
import * as net from 'node:net';
import * as os from 'node:os';
import { test } from 'node:test';
import { needsTool } from '../support/machine';
import { netcat, python, startExample, startPython } from './support/program';

const TIME = /^\w{3} \w{3} \d\d \d{4} \d\d:\d\d:\d\d GMT[+-]\d{4}.*\r\n$/;
const skipPython = needsTool('python3');

test(
  'time-server: a python client gets the time, and then end of stream',
  { skip: skipPython },
  async (t) => {
    const example = startExample(t, 'time-server.js', [0, '127.0.0.1']);
    const port = await example.port();
    const said = await python(
      t,
      `s = client(args[0])
print(s.getsockname()[1])
print(repr(to_end(s)))`,
      port,
    );
    const [clientPort, data] = said.split('\n') as [string, string];
    assert.match(data, /^b'\w{3} .*\\r\\n'$/);
    const [, seen] = await example.line(/^a connection from 127\.0\.0\.1 port (\d+)$/);
    assert.equal(seen, clientPort);
  },
);

test(
  'time-server: one client after another, through nc and node net',
  { skip: needsTool('nc') },
  async (t) => {
    const example = startExample(t, 'time-server.js', [0, '127.0.0.1']);
    const port = await example.port();
    assert.match(await netcat(t, '', '127.0.0.1', port), TIME);
    const socket = net.connect(Number(port), '127.0.0.1');
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    assert.match(Buffer.concat(chunks).toString(), TIME);
    assert.match(await netcat(t, '', '127.0.0.1', port), TIME);
  },
);

test(
  'time-server: a client that resets the connection costs the others nothing',
  { skip: skipPython },
  async (t) => {
    const example = startExample(t, 'time-server.js', [0, '127.0.0.1']);
    const port = await example.port();
    const said = await python(
      t,
      `for i in range(5):
    s = client(args[0])
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    s.close()
print(len(to_end(client(args[0]))) > 20)`,
      port,
    );
    assert.equal(said.trim(), 'True');
  },
);

test('time-server: without a host it listens at what the host name stands for', async (t) => {
  const example = startExample(t, 'time-server.js', [0]);
  let port: string;
  try {
    port = await example.port();
  } catch (error) {
    if (!/ENOTFOUND|EAI_AGAIN/.test(String(error))) throw error;
    t.skip(`the name of this machine, ${os.hostname()}, cannot be resolved`);
    return;
  }
  const socket = net.connect(Number(port), os.hostname());
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  assert.match(text, TIME);
});

test(
  'time-client: reads a python server to its end, in however many pieces',
  { skip: skipPython },
  async (t) => {
    const server = startPython(
      t,
      `s = server()
c, address = s.accept()
for piece in (b'Mon Nov 21 ', b'09:00:00', b' 2022\\r\\n'):
    c.sendall(piece)
    time.sleep(0.05)
c.close()`,
    );
    const example = startExample(t, 'time-client.js', [await server.port(), '127.0.0.1']);
    assert.equal(await example.output(), 'the time there is Mon Nov 21 09:00:00 2022\n');
    await server.output();
  },
);

test('time-client: nobody listens: the error names the call, the code and the address', async (t) => {
  const unused = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => unused.once('listening', resolve));
  const { port } = unused.address() as net.AddressInfo;
  await new Promise((resolve) => unused.close(resolve));
  const { code, stderr } = await startExample(t, 'time-client.js', [port, '127.0.0.1']).ended();
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`connect ECONNREFUSED: .* 127\\.0\\.0\\.1:${port}`));
});
