import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startPython } from '../support/python';
import { needsTool } from '../support/machine';
import { until } from '../support/until';
import { childrenOf, client, connectionsOf, descriptorsOf, withServer, type Server } from './server';

const python = { skip: needsTool('python3') };
const nc = { skip: needsTool('nc') };

test(
  'serve --exec: the command has the connection as stdin and stdout, and no other socket',
  nc,
  async () => {
    const list = 'cat; cd /proc/$$/fd; for fd in *; do echo $fd $(readlink $fd); done';
    await withServer(['--exec', `exec 2>/dev/null; ${list}`], async ({ port }) => {
      const answer = await client('nc', ['-N', '127.0.0.1', String(port)], 'hello\n');
      const [hello, ...links] = answer.trim().split('\n');
      assert.equal(hello, 'hello');
      const sockets = links
        .map((link) => link.split(' '))
        .filter(([, target]) => target?.startsWith('socket:'));
      assert.deepEqual(
        sockets.map(([fd]) => fd),
        ['0', '1'],
      );
      assert.equal(sockets[0]?.[1], sockets[1]?.[1]);
    });
  },
);

test('serve --exec: the environment says who is at both ends', python, async () => {
  const named = `
import socket, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
name = s.getsockname()
print(s.makefile().read().strip() == f'127.0.0.1 {sys.argv[1]} 127.0.0.1 {name[1]}')
`;
  const command = ['LOCAL', 'REMOTE'].map((end) => `$LISTENQ_${end}_ADDRESS $LISTENQ_${end}_PORT`).join(' ');
  await withServer(['--exec', `echo ${command}`], async ({ port }) => {
    assert.equal(await startPython(named, port).output, 'True');
  });
});

test('serve --exec: a command waits for input as on any stdin', python, async () => {
  // python3 fails on a stdin that says EAGAIN.
  await withServer(
    ['--exec', `python3 -c 'import sys; print(sys.stdin.readline().upper())'`],
    async ({ port }) => {
      const late = `
import socket, sys, time
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
time.sleep(0.5)
s.send(b'late\\n')
print(s.makefile().read())
`;
      assert.equal(await startPython(late, port).output, 'LATE');
    },
  );
});

test(
  'serve --exec: 50 clients at once, then no child, no zombie and no descriptor is left',
  python,
  async () => {
    const many = `
import socket, sys
all = [socket.create_connection(('127.0.0.1', int(sys.argv[1]))) for i in range(50)]
for s in all: s.send(b'%d\\n' % s.fileno()); s.shutdown(socket.SHUT_WR)
print(all == [s for s in all if s.makefile().read() == '%d\\n' % s.fileno()])
`;
    await withServer(['--exec', 'cat'], async (server) => {
      const counts: number[] = [];
      for (let round = 0; round < 2; round++) {
        assert.equal(await startPython(many, server.port).output, 'True');
        await until(() => childrenOf(server.process.pid).length === 0);
        counts.push(descriptorsOf(server.process.pid).length);
      }
      assert.equal(connectionsOf(server.process.pid), 0);
      assert.equal(counts[0], counts[1]);
    });
  },
);

test(
  'serve --exec --verbose: a command that fails ends its client, is told of, and is no matter of the next one',
  nc,
  async () => {
    const command = 'read -r word; test "$word" = good || { echo bad >&2; exit 3; }; echo fine';
    await withServer(['--verbose', '--exec', command], async (server) => {
      const talk = (word: string): Promise<string> =>
        client('nc', ['-N', '127.0.0.1', String(server.port)], `${word}\n`);
      assert.equal(await talk('evil'), '');
      await until(() => /^listenq: 127\.0\.0\.1 port \d+: status 3$/m.test(server.stderr()));
      assert.match(server.stderr(), /^bad$/m);
      assert.equal(await talk('good'), 'fine\n');
      await until(() => /^listenq: 127\.0\.0\.1 port \d+: status 0$/m.test(server.stderr()));
    });
  },
);

test(
  'serve --exec, no process can be started: said on stderr, the client sees the end, and so does the next',
  nc,
  async () => {
    const talk = async ({ port }: Server): Promise<void> => {
      assert.equal(await client('nc', ['-N', '127.0.0.1', String(port)], ''), '');
    };
    await withServer(
      ['--exec', 'cat'],
      async (server) => {
        await talk(server);
        await talk(server);
        await until(() => server.stderr().split('\n').length === 3);
        assert.match(server.stderr(), /^(listenq: 127\.0\.0\.1 port \d+: spawn sh ENOENT\n){2}$/);
        assert.equal(connectionsOf(server.process.pid), 0);
      },
      { PATH: '/nonexistent' },
    );
  },
);
