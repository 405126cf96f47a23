import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { anyOf, needsTool } from '../support/machine';
import { python, startExample, startPython } from './support/program';

const skip = needsTool('python3');

/** Python clients that connect one after another and don't wait; prints how many are in, and their ports in order. */
const CONNECT_ALL = `port, attempts = int(args[0]), int(args[1])
clients = []
for i in range(attempts):
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex(('127.0.0.1', port))
    clients.append(s)
time.sleep(0.2)
states = [s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] for s in clients]
print('in', states.count(1), 'trying', states.count(2))
print('ports', *[s.getsockname()[1] for s, state in zip(clients, states) if state == 1])
sys.stdin.readline()
for s in clients[:states.count(1)]:
    s.setblocking(True)
    s.settimeout(20)
    print(to_end(s))`;

for (const [backlog, admitted] of [
  [0, 1],
  [1, 2],
  [5, 6],
] as const) {
  test(
    `queue: listen(${backlog}) lets ${admitted} python clients in, and the next gets no answer`,
    { skip },
    async (t) => {
      const example = startExample(t, 'queue.js', [0, '127.0.0.1', backlog]);
      const port = await example.port();
      await example.line(new RegExp(`^0 waiting, limit ${backlog}, 0 dropped$`));
      const clients = startPython(t, CONNECT_ALL, port, admitted + 3);
      await clients.line(new RegExp(`^in ${admitted} trying 3$`));
      await example.line(new RegExp(`^${admitted} waiting, limit ${backlog}, ([3-9]|\\d\\d+) dropped$`));
      const ports = (await clients.word(/^ports (.*)$/)).split(' ');

      // First come, first served.
      example.write(`accept ${admitted}\n`);
      for (const expected of ports) assert.equal(await example.word(/^accepted port (\d+)$/), expected);
      clients.write('\n');
      for (let i = 0; i < admitted; i++) await clients.line(/^b'your turn\\n'$/);
      example.write('quit\n');
      await example.output();
    },
  );
}

test(
  'queue: ss shows the same numbers, and which process listens',
  { skip: anyOf(skip, needsTool('ss')) },
  async (t) => {
    const example = startExample(t, 'queue.js', [0, '127.0.0.1', 3]);
    const port = await example.port();
    const clients = startPython(t, CONNECT_ALL, port, 2);
    await clients.line(/^in 2 trying 0$/);
    await example.line(/^2 waiting, limit 3, 0 dropped$/);
    const { stdout } = spawnSync('ss', ['-Hltnp', `sport = :${port}`], { encoding: 'utf8' });
    const [state, receiveQueue, sendQueue] = stdout.trim().split(/\s+/);
    assert.deepEqual([state, receiveQueue, sendQueue], ['LISTEN', '2', '3']);
    assert.match(stdout, new RegExp(`pid=${example.pid},`));
  },
);

test(
  'queue: backlog changes the living queue; who waits stays, who was left out gets in',
  { skip },
  async (t) => {
    const example = startExample(t, 'queue.js', [0, '127.0.0.1', 1]);
    const clients = startPython(t, CONNECT_ALL, await example.port(), 4);
    await clients.line(/^in 2 trying 2$/);
    await example.line(/^2 waiting, limit 1,/);
    example.write('backlog 10\n');
    await example.line(/^2 waiting, limit 10,/);
    // Their next SYN finds room, a second or so later.
    await example.line(/^4 waiting, limit 10,/);
    example.write('backlog 0\n');
    await example.line(/^4 waiting, limit 0,/);
  },
);

test('queue: those that still wait when it closes are reset', { skip }, async (t) => {
  const example = startExample(t, 'queue.js', [0]);
  const client = startPython(
    t,
    `s = client(args[0])
print('in')
try: s.recv(1)
except OSError as e: print(errno.errorcode[e.errno])`,
    await example.port(),
  );
  await example.line(/^1 waiting/);
  example.write('quit\n');
  await client.line(/^ECONNRESET$/);
});

test('count-admitted: listen(1) lets 2 in and listen(5) lets 6 in, without any argument', async (t) => {
  const output = await startExample(t, 'count-admitted.js').output();
  const line = (n: number): string => `listen(${n}): the kernel's limit is ${n}, ${n + 1} let in\n`;
  assert.equal(output, line(1) + line(5));
});

test(
  'count-admitted: python listeners, of which listen(-5) is listen(0) by python itself',
  { skip },
  async (t) => {
    for (const [backlog, admitted] of [
      [0, 1],
      [1, 2],
      [5, 6],
      [-5, 1],
    ] as const) {
      const server = startPython(t, `s = server(int(args[0])); sys.stdin.readline()`, backlog);
      const place = `127.0.0.1:${await server.port()}`;
      assert.equal(
        await startExample(t, 'count-admitted.js', [place]).output(),
        `${place}: ${admitted} let in\n`,
      );
      server.end('\n');
    }
  },
);

test(
  'refused-client: a full python queue is silence, and room in it lets the client in',
  { skip },
  async (t) => {
    const server = startPython(
      t,
      `s = server(0)
waiting = client(s.getsockname()[1])
print('full')
sys.stdin.readline()
s.accept()
sys.stdin.readline()`,
    );
    const port = await server.port();
    await server.line(/^full$/);
    const example = startExample(t, 'refused-client.js', [port, '127.0.0.1', 15000]);
    await example.line(/^\d+ ms: SYN_SENT, SYN repeated \d+ times$/);
    server.write('\n');
    const [, , repeated] = await example.line(
      /^let in after (\d+) ms: ESTABLISHED, SYN repeated (\d+) times$/,
    );
    assert.ok(Number(repeated) >= 1);
  },
);

test('refused-client: no room comes, and no ECONNREFUSED either', { skip }, async (t) => {
  const server = startPython(
    t,
    `s = server(0); waiting = client(s.getsockname()[1]); print('full'); sys.stdin.readline()`,
  );
  const port = await server.port();
  await server.line(/^full$/);
  const output = await startExample(t, 'refused-client.js', [port, '127.0.0.1', 2500]).output();
  assert.match(output, /\nno answer within 2500 ms: SYN_SENT, SYN repeated [1-4] times\n$/);
  assert.doesNotMatch(output, /ECONNREFUSED|errno/);
});

test('refused-client: where nobody listens, ECONNREFUSED at once', { skip }, async (t) => {
  const port = (
    await python(t, `s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])`)
  ).trim();
  const output = await startExample(t, 'refused-client.js', [port]).output();
  // On loopback the refusal comes within connect(2), or is there by the time poll(2) is asked.
  assert.match(output, /^(ECONNREFUSED at once|errno 111 after \d+ ms)\n$/);
});

test(
  'inherited-options: a client is connected and heard before accept, with the options of then',
  { skip },
  async (t) => {
    const example = startExample(t, 'inherited-options.js', [0]);
    const peer = startPython(
      t,
      `s = client(args[0])
s.sendall(b'ohai')
print('connected')
print(to_end(s))`,
      await example.port(),
    );
    await peer.line(/^connected$/);
    example.write('\n');
    await example.line(/^1 waiting$/);
    await example.line(/^sent before anybody accepted: ohai$/);
    const [, listeners, inherited] = await example.line(/^SO_RCVBUF: (\d+), inherited (\d+)$/);
    assert.equal(listeners, inherited);
    assert.equal(listeners, '131072');
    await example.line(/^SO_KEEPALIVE: 1, inherited 1$/);
    await example.line(/^TCP_KEEPIDLE: 43, inherited 42$/);
    await example.line(/^TCP_NODELAY: 1, inherited 1$/);
    await example.line(/^O_NONBLOCK: true, inherited false$/);
    await example.output();
  },
);

test('datagram-listen: EOPNOTSUPP, and a python datagram comes in without', { skip }, async (t) => {
  const example = startExample(t, 'datagram-listen.js', [0]);
  await example.line(/^listen on a datagram socket: EOPNOTSUPP$/);
  const port = await example.port();
  await python(t, `socket.socket(type=socket.SOCK_DGRAM).sendto(b'ohai', ('127.0.0.1', int(args[0])))`, port);
  await example.line(/^without it: ohai$/);
  await example.output();
});
