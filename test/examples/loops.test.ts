import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as net from 'node:net';
import { test } from 'node:test';
import { needsTool } from '../support/machine';
import { netcat, python, startExample, startScript } from './support/program';

const skip = needsTool('python3');
const skipIpv6 = fs.existsSync('/proc/net/if_inet6') ? false : 'needs IPv6';

test('accept-loop: takes connections of three listeners, in any order', { skip }, async (t) => {
  const example = startExample(t, 'accept-loop.js', [0, 0, 0]);
  const ports = [await example.port(), await example.port(), await example.port()];
  const order = [2, 0, 1, 1, 2].map((i) => ports[i] as string);
  const said = await python(t, `for port in args: print(to_end(client(port)).decode().strip())`, ...order);
  assert.deepEqual(
    said.trim().split('\n'),
    order.map((port) => `this is port ${port}`),
  );
});

test('accept-loop: takes one listener, several, and lists; ends when all are closed', { skip }, async (t) => {
  const loop = startScript(
    t,
    `const { acceptEach } = require('./examples/accept-loop');
const { listen } = require('listenq');
const [first, ...others] = [1, 2, 3].map(() => listen({ host: '127.0.0.1' }));
for (const { port } of [first, ...others].map((listener) => listener.address())) console.log('listening on port', port);
acceptEach((connection, listener) => {
  console.log('served', listener.address().port);
  connection.close();
  listener.close();
}, first, others);
console.log('ended');`,
  );
  const ports: string[] = [];
  for (let i = 0; i < 3; i++) ports.push(await loop.word(/^listening on port (\d+)$/));
  for (const port of ports) {
    assert.equal(await python(t, `print(to_end(client(args[0])))`, port), "b''\n");
    await loop.line(new RegExp(`^served ${port}$`));
  }
  await loop.line(/^ended$/);
  await loop.output();
});

test('tcp-server-loop: IPv4 and IPv6 on the same port, told apart', { skip: skip || skipIpv6 }, async (t) => {
  const example = startExample(t, 'tcp-server-loop.js', [0]);
  const [, ipv4] = await example.line(/^listening on 0\.0\.0\.0 port (\d+)$/);
  const [, ipv6] = await example.line(/^listening on :: port (\d+)$/);
  assert.equal(ipv4, ipv6);
  const said = await python(
    t,
    `for host in ('127.0.0.1', '::1', '127.0.0.1'): print(to_end(client(args[0], host)).decode().strip())`,
    ipv4 as string,
  );
  assert.deepEqual(said.trim().split('\n'), [
    'hello over IPv4, 127.0.0.1',
    'hello over IPv6, ::1',
    'hello over IPv4, 127.0.0.1',
  ]);
});

test('select-loop: many python clients at once, each gets its own bytes back', { skip }, async (t) => {
  const example = startExample(t, 'select-loop.js', [0]);
  const said = await python(
    t,
    `clients = [client(args[0]) for i in range(30)]
for round in range(3):
    for i, s in enumerate(clients): s.sendall(b'%d:%d' % (i, round))
for s in clients: s.shutdown(socket.SHUT_WR)
print(all(to_end(s) == b'%d:0%d:1%d:2' % (i, i, i) for i, s in enumerate(clients)))`,
    await example.port(),
  );
  assert.equal(said.trim(), 'True');
});

test('select-loop: a client that does not read holds nobody up, and loses nothing', { skip }, async (t) => {
  const example = startExample(t, 'select-loop.js', [0]);
  const said = await python(
    t,
    `slow = client(args[0])
slow.setblocking(False)
data = os.urandom(1 << 20) * 32
sent = 0
while select.select([], [slow], [], 0.5)[1]:
    if sent == len(data): break
    sent += slow.send(data[sent:sent + 65536])
print('stopped', 0 < sent < len(data))
quick = client(args[0])
quick.sendall(b'ping')
print(quick.recv(10))
slow.setblocking(True)
slow.settimeout(20)
slow.shutdown(socket.SHUT_WR)
print(to_end(slow) == data[:sent])`,
    await example.port(),
  );
  assert.equal(said, "stopped True\nb'ping'\nTrue\n");
});

test('select-loop: a client that resets is dropped alone', { skip }, async (t) => {
  const example = startExample(t, 'select-loop.js', [0]);
  const said = await python(
    t,
    `kept = client(args[0])
gone = client(args[0])
gone.sendall(b'x')
gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
gone.close()
kept.sendall(b'still here')
print(kept.recv(100))`,
    await example.port(),
  );
  assert.equal(said.trim(), "b'still here'");
});

test(
  'reject-when-busy: the second client is reset, the first goes on, and then the next is served',
  { skip },
  async (t) => {
    const example = startExample(t, 'reject-when-busy.js', [0]);
    const said = await python(
      t,
      `def outcome(s=None):
    try: return (s or client(args[0])).recv(100)
    except OSError as e: return errno.errorcode[e.errno] # of connect, if the reset is quicker than its return
first = client(args[0])
print(outcome(first))
print(outcome())
first.sendall(b'one')
print(outcome(first))
print(outcome())
first.close()
for i in range(100):
    answer = outcome()
    if answer != 'ECONNRESET': break
    time.sleep(0.05)
print(answer)`,
      await example.port(),
    );
    assert.deepEqual(said.trim().split('\n'), [
      "b'welcome\\n'",
      'ECONNRESET',
      "b'served: one'",
      'ECONNRESET',
      "b'welcome\\n'",
    ]);
  },
);

test('thread-per-connection: clients are served at the same time, each by a thread', { skip }, async (t) => {
  const example = startExample(t, 'thread-per-connection.js', [0]);
  const said = await python(
    t,
    `clients = [client(args[0]) for i in range(4)]
threads = {s.recv(100).decode().strip() for s in clients}
print(len(threads), all(name.startswith('this is thread ') for name in threads))
for i, s in reversed(list(enumerate(clients))): s.sendall(b'%d' % i)
print([s.recv(100) for s in clients])
for s in clients: s.shutdown(socket.SHUT_WR)
print([to_end(s) for s in clients])`,
    await example.port(),
  );
  assert.equal(said, "4 True\n[b'0', b'1', b'2', b'3']\n[b'', b'', b'', b'']\n");
  for (let i = 0; i < 4; i++) await example.line(/^thread \d+ is done$/);
});

test('process-per-connection: each client has a process, and sees its end', { skip }, async (t) => {
  const example = startExample(t, 'process-per-connection.js', [0]);
  const said = await python(
    t,
    `a, b = client(args[0]), client(args[0])
pids = [int(s.recv(100).split()[-1]) for s in (a, b)]
print(*pids)
b.sendall(b'b'); a.sendall(b'a')
print(a.recv(1), b.recv(1))
for s in (a, b): s.shutdown(socket.SHUT_WR)
print(to_end(a), to_end(b))`,
    await example.port(),
  );
  const [pids, ...rest] = said.trim().split('\n') as [string, ...string[]];
  assert.deepEqual(rest, ["b'a' b'b'", "b'' b''"]);
  const [first, second] = pids.split(' ').map(Number) as [number, number];
  assert.ok(first !== second && first !== example.pid && second !== example.pid);
  const ended = [
    await example.word(/^process (\d+) ended with 0$/),
    await example.word(/^process (\d+) ended with 0$/),
  ];
  assert.deepEqual(ended.map(Number).sort(), [first, second].sort());
});

test('process-per-connection: any filter is a server, with nc', { skip: needsTool('nc') }, async (t) => {
  const example = startExample(t, 'process-per-connection.js', [0, '127.0.0.1', 'tr', 'a-z', 'A-Z']);
  assert.equal(await netcat(t, 'ohai\n', '127.0.0.1', await example.port()), 'OHAI\n');
});

test(
  'interrupt-accept: an interrupted thread goes on, and ends by itself when the listener is closed',
  { skip },
  async (t) => {
    const example = startExample(t, 'interrupt-accept.js', [0]);
    const port = await example.port();
    const ask = `print(to_end(client(args[0])))`;
    await example.line(/^thread: waiting$/);
    assert.equal(await python(t, ask, port), "b'hello from the thread\\n'\n");

    example.write('interrupt\n');
    await example.line(/^thread: ERR_INTERRUPTED$/);
    assert.equal(await python(t, ask, port), "b'hello from the thread\\n'\n");

    example.write('close\n');
    await example.line(/^thread: ERR_LISTENER_CLOSED$/);
    await example.line(/^thread: ends by itself$/);
    await example.line(/^main: the thread has ended with 0$/);
    await example.output();
    const refused = net.connect(Number(port), '127.0.0.1');
    const code = await new Promise((resolve) =>
      refused.once('error', (e: NodeJS.ErrnoException) => resolve(e.code)),
    );
    assert.equal(code, 'ECONNREFUSED');
  },
);
