import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as path from 'node:path';
import { test } from 'node:test';
import { limits, listen } from 'listenq';
import { runPython, startPython } from '../support/python';
import { anyOf, needsRoot, needsTool, temporaryFolder } from '../support/machine';
import { until } from '../support/until';
import { MAIN, runCommand } from './command-line';
import { client, connectionsOf, descriptorsOf, queueBySs, withServer } from './server';

const python = { skip: needsTool('python3') };
const nc = { skip: needsTool('nc') };
const bash = { skip: needsTool('bash') };
const ss = { skip: anyOf(needsTool('ss'), needsTool('python3')) };

for (const backlog of [-1, 0, 1, 5, 2147483647, -2147483648]) {
  test(`serve --backlog ${backlog}: what it says the kernel holds is what ss shows`, ss, async () => {
    await withServer(['--backlog', String(backlog)], (server) => {
      const held = Math.min(backlog >>> 0, limits().somaxconn ?? NaN);
      assert.deepEqual(queueBySs(server.port), [0, held]);
      const { limit, waiting, capped } = server;
      assert.deepEqual([server.backlog, limit, waiting, capped], [backlog, held, held + 1, backlog > held]);
    });
  });
}

test('serve without --backlog: as much as net.core.somaxconn says', ss, async () => {
  await withServer([], (server) => {
    assert.deepEqual(queueBySs(server.port), [0, limits().somaxconn]);
    assert.equal(server.backlog, null);
  });
});

test('serve, a backlog above net.core.somaxconn: a warning with the sysctl line; below it, none', async () => {
  await withServer(['--backlog', '2147483647'], async ({ stderr }) => {
    await until(() => stderr() !== '');
    assert.match(stderr(), /^listenq: warning: .*sysctl -w net\.core\.somaxconn=2147483647/);
  });
  await withServer(['--backlog', '-1'], async (server) => {
    server.process.kill('SIGTERM');
    await server.ended;
    assert.doesNotMatch(server.stderr(), /warning/);
  });
});

test('serve without --json: one sentence on stderr with place, backlog and what is held, nothing on stdout', async () => {
  const child = spawn(process.execPath, [MAIN, 'serve', '--port', '0', '--backlog', '5']);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  await until(() => stderr.includes('\n'));
  child.kill('SIGKILL');
  await once(child, 'close');
  assert.match(
    stderr,
    /^listenq: listening on 127\.0\.0\.1 port \d+: backlog 5 asked for, 5 held by the kernel, so that 6 clients can wait\n$/,
  );
  assert.equal(stdout, '');
});

test('serve: nc -N gets its own bytes back, and the end after its own end', nc, async () => {
  await withServer([], async ({ port }) => {
    assert.equal(await client('nc', ['-N', '127.0.0.1', String(port)], 'one\ntwo\n'), 'one\ntwo\n');
  });
});

test('serve --echo: a client in bash', bash, async () => {
  await withServer(['--echo'], async ({ port }) => {
    const script = `exec 3<>/dev/tcp/127.0.0.1/${port}; echo hello >&3; read -r answer <&3; echo "$answer"`;
    assert.equal(await client('bash', ['-c', script], ''), 'hello\n');
  });
});

const FLOOD = `
import socket, sys, hashlib
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
s.setblocking(False)
sent = 0
try:
    while sent < 1 << 30: sent += s.send(b'x' * 65536)
except BlockingIOError: pass
print(sent < 1 << 28)
s.setblocking(True)
s.shutdown(socket.SHUT_WR)
got = 0
while True:
    data = s.recv(1 << 20)
    if not data: break
    got += len(data)
print(got == sent)
`;

test(
  'serve --echo: a client that does not read is made to wait, and gets every byte when it does',
  python,
  async () => {
    await withServer(['--echo'], async ({ port }) => {
      assert.equal(await startPython(FLOOD, port).output, 'True\nTrue');
    });
  },
);

const RESET = `
import socket, struct, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
s.send(b'x' * 100)
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
s.close()
`;

for (const service of [['--echo'], ['--daytime'], ['--exec', 'cat'], ['--exec', 'sleep 1; cat']]) {
  test(
    `serve ${service.join(' ')}: clients that reset do no harm, and leave no descriptor`,
    python,
    async () => {
      await withServer(service, async (server) => {
        for (let i = 0; i < 5; i++) runPython(RESET, server.port);
        await until(() => connectionsOf(server.process.pid) === 0);
        assert.match(await startPython(TALK, server.port).output, /^(hello|\w+ \w+ \d+ )/);
        assert.equal(server.process.exitCode, null);
      });
    },
  );
}

const TALK = `
import socket, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
s.send(b'hello')
s.shutdown(socket.SHUT_WR)
answer = b''
while True:
    data = s.recv(1000)
    if not data: break
    answer += data
print(answer.decode())
`;

test(
  'serve --daytime: the time, then the end; also for a client that sends and never ends its side',
  nc,
  async () => {
    await withServer(['--daytime'], async (server) => {
      const { port } = server;
      // Waits for the server's end with its own side open, as its input is.
      const slow = spawn('sh', ['-c', `(echo hello; sleep 5) | nc 127.0.0.1 ${port}`], { detached: true });
      let answer = '';
      slow.stdout.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
      await until(() => answer.includes('\r\n'));
      assert.ok(!Number.isNaN(Date.parse(answer)), answer);
      // By the server, as this client would stay.
      await until(() => connectionsOf(server.process.pid) === 0);
      process.kill(-Number(slow.pid));
      assert.match(await client('nc', ['-N', '127.0.0.1', String(port)], ''), /^\w+ \w+ \d+ .*\r\n$/);
    });
  },
);

test('serve: 1000 connections, and then as many descriptors as before', python, async () => {
  const many = `
import socket, sys
for i in range(10):
    all = [socket.create_connection(('127.0.0.1', int(sys.argv[1]))) for i in range(100)]
    for s in all: s.send(b'%d' % s.fileno())
    print(all == [s for s in all if s.recv(100) == b'%d' % s.fileno()])
    for s in all: s.close()
`;
  await withServer(['--echo'], async (server) => {
    const counts: number[] = [];
    for (let round = 0; round < 2; round++) {
      assert.equal(await startPython(many, server.port).output, Array(10).fill('True').join('\n'));
      await until(() => connectionsOf(server.process.pid) === 0);
      counts.push(descriptorsOf(server.process.pid).length);
    }
    assert.equal(counts[0], counts[1]);
  });
});

test('serve --verbose: one line for each client', nc, async () => {
  await withServer(['--verbose'], async (server) => {
    await client('nc', ['-N', '127.0.0.1', String(server.port)], 'hello');
    await until(() => server.stderr().includes('\n'));
    assert.match(server.stderr(), /^listenq: 127\.0\.0\.1 port \d+: echoed 5 bytes\n$/);
  });
});

const WAITING = `
import socket, sys
held = []
for i in range(int(sys.argv[2])):
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex(('127.0.0.1', int(sys.argv[1])))
    held.append(s)
sys.stdin.read()
`;

for (const [serving, backlog, waiting] of [
  [0, 5, 6],
  [2, 5, 6],
  [1, 0, 1],
] as const) {
  test(
    `serve --max-connections ${serving} --backlog ${backlog}: of more clients ${waiting} wait in the queue`,
    ss,
    async () => {
      await withServer(
        ['--max-connections', String(serving), '--backlog', String(backlog)],
        async (server) => {
          const clients = spawn('python3', ['-c', WAITING, String(server.port), String(serving)], {
            stdio: ['pipe', 'ignore', 'inherit'],
          });
          await until(() => connectionsOf(server.process.pid) === serving);
          const more = spawn('python3', ['-c', WAITING, String(server.port), '10'], {
            stdio: ['pipe', 'ignore', 'inherit'],
          });
          await until(() => queueBySs(server.port)[0] === waiting);
          assert.deepEqual(queueBySs(server.port), [waiting, backlog]);
          assert.equal(connectionsOf(server.process.pid), serving);
          clients.stdin.end();
          more.stdin.end();
          await Promise.all([once(clients, 'close'), once(more, 'close')]);
        },
      );
    },
  );
}

test('serve --max-connections 1 --exec: the next client is served when the first has gone', nc, async () => {
  await withServer(['--max-connections', '1', '--exec', 'cat'], async ({ port }) => {
    const all = ['a', 'b', 'c'].map((word) => client('nc', ['-N', '127.0.0.1', String(port)], word));
    assert.deepEqual(await Promise.all(all), ['a', 'b', 'c']);
  });
});

for (const name of [path.join(temporaryFolder(), 'serve.sock'), `@listenq-serve-${process.pid}`]) {
  test(
    `serve --path ${name.startsWith('@') ? '@name' : 'file'}: a client in Python, and the path in the environment`,
    python,
    async () => {
      const unix = `
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1].replace('@', '\\0'))
print(s.makefile().read())
`;
      await withServer(
        ['--path', name, '--backlog', '3', '--exec', 'echo "$LISTENQ_LOCAL_PATH"'],
        async (server) => {
          assert.equal(server.limit, 3);
          assert.equal(await startPython(unix, name).output, name);
          server.process.kill('SIGTERM');
          assert.deepEqual(await server.ended, [0, null]);
        },
      );
    },
  );
}

test('serve: a port that is taken is one line with EADDRINUSE, exit status 1', () => {
  const listener = listen({ host: '127.0.0.1' });
  const { port } = listener.address() as { port: number };
  const { stdout, stderr, status } = runCommand(['serve', '--port', String(port)]);
  assert.match(stderr, /^listenq: bind EADDRINUSE[^\n]*\n$/);
  assert.deepEqual([stdout, status], ['', 1]);
  listener.close();
});

test(
  'serve: a port that needs a capability is one line with EACCES, exit status 1',
  { skip: anyOf(needsRoot(), needsTool('setpriv')) },
  () => {
    const under = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const { stderr, status } = runCommand(['serve', '--port', '80'], { under });
    assert.match(stderr, /^listenq: bind EACCES[^\n]*\n$/);
    assert.equal(status, 1);
  },
);

for (const [args, named] of [
  [[], '--port <port>'],
  [['--port', '65536'], "'65536'"],
  [['--port', '0', '--backlog', '0.5'], "'0.5'"],
  [['--port', '0', '--backlog', 'abc'], "'abc'"],
  [['--port', '0', '--backlog', '0x10'], "'0x10'"],
  [['--port', '0', '--backlog', ''], "''"],
  [['--port', '0', '--backlog', '2147483648'], "'2147483648'"],
  [['--port', '0', '--backlog', '-2147483649'], "'-2147483649'"],
  [['--port', '0', '--path', '/tmp/x'], '--path <path>'],
  [['--port', '0', '--echo', '--daytime'], '--daytime'],
  [['--port', '0', '--daytime', '--exec', 'cat'], '--exec <command>'],
  [['--port', '0', '--max-connections', '-1'], "'-1'"],
  [['--port', '0', '--host', ''], '--host'],
  [['--path', 'x'.repeat(108)], '--path'],
] as [string[], string][]) {
  test(`serve ${args.map((arg) => (arg === '' ? "''" : arg.slice(0, 20))).join(' ')}: one line on stderr that names it, exit status 2`, () => {
    const { stdout, stderr, status } = runCommand(['serve', ...args]);
    assert.match(stderr, /^listenq: [^\n]+\n$/);
    assert.ok(stderr.includes(named), stderr);
    assert.deepEqual([stdout, status], ['', 2]);
  });
}
