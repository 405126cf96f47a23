import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needsTool } from '../support/machine';
import { netcat, python, startExample, startPython } from './support/program';

const skip = needsTool('python3');

test('lifecycle: nc and the server both end well', { skip: needsTool('nc') }, async (t) => {
  const example = startExample(t, 'lifecycle.js', [0, '127.0.0.1']);
  const port = await example.port();
  await netcat(t, 'ohai\n', 'localhost', port);
  const [, server, connection] = await example.line(
    /^server is descriptor (\d+), connection is descriptor (\d+)$/,
  );
  assert.notEqual(server, connection);
  await example.line(/^accepted 127\.0\.0\.1 port \d+$/);
  await example.line(/^it said: ohai$/);
  await example.output();
});

test('lifecycle: once closed, the port refuses a python client', { skip }, async (t) => {
  const example = startExample(t, 'lifecycle.js', [0, '127.0.0.1']);
  const port = await example.port();
  const ask = `s = client(args[0]); s.sendall(b'x'); print(to_end(s))`;
  assert.equal(await python(t, ask, port), "b''\n");
  await example.output();
  const refused = `print(errno.errorcode[socket.socket().connect_ex(('127.0.0.1', int(args[0])))])`;
  assert.equal(await python(t, refused, port), 'ECONNREFUSED\n');
});

test('connection-addresses: prints what python says of the same connection', { skip }, async (t) => {
  const example = startExample(t, 'connection-addresses.js', [0]);
  const said = await python(
    t,
    `s = client(args[0])
print(s.getsockname()[1], s.getpeername()[1])
print(int(s.family), int(s.type), s.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL))
to_end(s)`,
    await example.port(),
  );
  const [ports, kind] = said.trim().split('\n') as [string, string];
  const [local, remote] = ports.split(' ') as [string, string];

  await example.line(/^classes: Listener, Connection$/);
  const [, listener, connection] = await example.line(/^descriptors: (\d+), (\d+)$/);
  assert.notEqual(listener, connection);
  await example.line(new RegExp(`^listener: IPv4 0\\.0\\.0\\.0 port ${remote}$`));
  await example.line(new RegExp(`^local: IPv4 127\\.0\\.0\\.1 port ${remote}$`));
  await example.line(new RegExp(`^remote: IPv4 127\\.0\\.0\\.1 port ${local}$`));
  await example.line(new RegExp(`^domain, type, protocol: ${kind.replaceAll(' ', ', ')}$`));
  await example.line(/^TCP: (ESTABLISHED|CLOSE_WAIT), 0 retransmitted, window of \d+ segments, \d+ us/);
  await example.output();
});

test(
  'blocking-loop-server: prints both sockets, the peer, and each chunk until the client closes',
  { skip },
  async (t) => {
    const example = startExample(t, 'blocking-loop-server.js', [0]);
    const [, listening] = await example.line(
      /^Listener \{ fd: (\d+), family: AF_INET, type: SOCK_STREAM, .*backlog: 5 \}$/,
    );
    const port = await example.port();
    const peer = startPython(
      t,
      `s = client(args[0])
print('port', s.getsockname()[1])
s.sendall(b'Hello World')
sys.stdin.readline()
s.sendall(b'\\0' * 150)
s.close()`,
      port,
    );
    const [, accepted] = await example.line(/^Connection \{ fd: (\d+), family: AF_INET, type: SOCK_STREAM, /);
    assert.notEqual(accepted, listening);
    await example.line(new RegExp(`^from 127\\.0\\.0\\.1 port ${await peer.word(/^port (\d+)$/)}$`));
    await example.line(/^<Buffer 48 65 6c 6c 6f 20 57 6f 72 6c 64>$/);
    peer.write('\n');
    // NUL bytes are bytes; and a recv of 100 gives at most 100 of the 150.
    await example.line(/^<Buffer (00 ?){50} ... 50 more bytes>$/);
    await example.line(/^<Buffer (00 ?){50}>$/);
    await example.line(/^the client has closed$/);
    await example.output();
  },
);

test(
  'blocking-loop-client: tells how many bytes were taken; a python server gets them all',
  { skip },
  async (t) => {
    const server = startPython(t, `s = server(); c, a = s.accept(); print(to_end(c))`);
    const example = startExample(t, 'blocking-loop-client.js', [await server.port()]);
    const output = await example.output();
    assert.match(
      output,
      /^send before connect: EPIPE\nConnection \{ fd: \d+, .*\nsent 11 bytes\nsent 4 bytes\n$/,
    );
    await server.line(/^b'Hello Worlde\\x00\\xff\\n'$/);
  },
);

test(
  'scoped-use: an error in the middle closes the connection, and not the listener',
  { skip },
  async (t) => {
    const example = startExample(t, 'scoped-use.js', [0]);
    const said = await python(
      t,
      `for request in (b'fail\\n', b'ohai\\n'):
    s = client(args[0])
    s.sendall(request)
    print(to_end(s))`,
      await example.port(),
    );
    assert.equal(said, "b''\nb'you said ohai\\n'\n");
    await example.line(/^the handler failed; the connection is closed all the same$/);
    await example.line(/^the listener is closed$/);
  },
);
