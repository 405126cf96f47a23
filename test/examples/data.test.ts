import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { needsTool, temporaryFolder } from '../support/machine';
import { python, startExample, startPython } from './support/program';

const skip = needsTool('python3');

/** Sends the pieces apart from each other, ends its side, and prints the answer. */
const IN_PIECES = `s = client(args[0])
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for piece in args[1:]:
    s.sendall(piece.encode())
    time.sleep(0.05)
s.shutdown(socket.SHUT_WR)
print(to_end(s).decode(), end='')`;

for (const { name, pieces, answer, says } of [
  {
    name: 'fixed length',
    pieces: ['F1234', '5678abcdefghXY', 'Z45678'],
    answer: '[12345678]\n[abcdefgh]\n[XYZ45678]\n',
  },
  { name: 'delimiter', pieces: ['Lone\ntw', 'o\n\nfour\n'], answer: '[one]\n[two]\n[]\n[four]\n' },
  {
    name: 'length prefix',
    pieces: ['P000', '03one00005th', 'ree00000', '00001x'],
    answer: '[one]\n[three]\n[]\n[x]\n',
  },
  { name: 'end by shutdown', pieces: ['Eall ', 'of ', 'it\n'], answer: '[all of it\n]\n' },
  {
    name: 'broken off',
    pieces: ['F1234567812'],
    answer: '[12345678]\n',
    says: /the connection broke in the middle/,
  },
  {
    name: 'broken off in the length',
    pieces: ['P00003one000'],
    answer: '[one]\n',
    says: /the connection broke/,
  },
]) {
  test(`framing: ${name}, in pieces from python, back to back`, { skip }, async (t) => {
    const example = startExample(t, 'framing.js', [0]);
    assert.equal(await python(t, IN_PIECES, await example.port(), ...pieces), answer);
    if (says !== undefined) await example.line(says);
  });
}

test('framing: one python client after another, also when all comes at once', { skip }, async (t) => {
  const example = startExample(t, 'framing.js', [0]);
  const port = await example.port();
  for (let i = 0; i < 3; i++) assert.equal(await python(t, IN_PIECES, port, 'Lone\ntwo\n'), '[one]\n[two]\n');
});

test('file-like: nothing leaves before flush; lines are read whole', { skip }, async (t) => {
  const server = startPython(
    t,
    `s = server()
c, address = s.accept()
print('before', select.select([c], [], [], 0.5)[0] == [])
print('after', c.recv(100))
for piece in (b'ech', b'o one\\nec', b'ho two\\nre', b'st'):
    c.sendall(piece)
    time.sleep(0.05)
c.close()`,
  );
  const example = startExample(t, 'file-like.js', [await server.port()]);
  await example.line(/^written: 8 bytes, none of them sent$/);
  await server.line(/^before True$/);
  example.write('\n');
  await server.line(/^after b'one\\ntwo\\n'$/);
  const output = await example.output();
  assert.equal(
    output.slice(output.indexOf('flushed')),
    'flushed: 0 bytes left\nread: echo one\nread: echo two\nread: rest\n',
  );
});

test('byte-order: python unpacks what was sent in network order, and answers so', { skip }, async (t) => {
  const server = startPython(
    t,
    `s = server()
c, address = s.accept()
data = b''
while len(data) < 14: data += c.recv(14 - len(data))
numbers = struct.unpack('!HIQ', data)
print('got', *numbers, 'htons', hex(socket.htons(1)), 'htonl', hex(socket.htonl(1)))
c.sendall(struct.pack('!Q', sum(numbers)))
c.close()`,
  );
  const output = await startExample(t, 'byte-order.js', [await server.port()]).output();
  const [, short, long] = await server.line(/^got 1 16909060 1099511627776 htons (\w+) htonl (\w+)$/);
  assert.match(output, new RegExp(`^htons\\(1\\) is ${short}, htonl\\(1\\) is ${long}$`, 'm'));
  assert.match(output, /^on the wire: 0001010203040000010000000000$/m);
  assert.match(output, /^the sum: 1099528536837$/m);
});

for (const type of ['stream', 'seqpacket'] as const) {
  test(`local-ipc: ${type} over a path, with a python client`, { skip }, async (t) => {
    const place = path.join(temporaryFolder(), 'socket');
    const example = startExample(t, 'local-ipc.js', [place, type]);
    await example.line(/^listening on .*socket, limit 5$/);
    assert.equal(fs.statSync(place).mode & 0o777, 0o600);
    const said = await python(
      t,
      `s = socket.socket(socket.AF_UNIX, getattr(socket, 'SOCK_' + args[1].upper()))
s.settimeout(20)
s.connect(args[0])
for size in (1, 20, 300): s.sendall(b'x' * size)
got = []
while sum(got) < 321: got.append(len(s.recv(1000)))
print(sum(got), got)`,
      place,
      type,
    );
    if (type === 'seqpacket') assert.equal(said, '321 [1, 20, 300]\n');
    else assert.match(said, /^321 /);
  });
}

test(
  'non-blocking-client: EINPROGRESS, writable, EAGAIN, readable, and back to blocking',
  { skip },
  async (t) => {
    const server = startPython(
      t,
      `s = server()
c, address = s.accept()
for i in range(2):
    c.recv(100)
    time.sleep(0.1)
    c.sendall(b'answer %d' % i)
c.recv(100)`,
    );
    const output = await startExample(t, 'non-blocking-client.js', [await server.port()]).output();
    assert.deepEqual(output.trim().split('\n'), [
      'non-blocking: false',
      'non-blocking: true',
      'connect: EINPROGRESS',
      'writable: SO_ERROR is 0',
      'recv: EAGAIN',
      'readable: answer 0',
      'readable, blocking: answer 1',
    ]);
  },
);
