import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { startPython } from '../support/python';
import { anyOf, needsTool } from '../support/machine';
import { until } from '../support/until';
import { childrenOf, client, queueBySs, withServer } from './server';

const python = { skip: needsTool('python3') };
const ncAndSs = { skip: anyOf(needsTool('nc'), needsTool('ss')) };

/** Heeds no SIGTERM. With the standard error of the server still open, that would seem to live on. */
const DEAF = 'exec 2>&-; trap "" TERM; cat';

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(
    `serve, ${signal}: who is being served finishes, who waits in the queue is served, exit status 0`,
    ncAndSs,
    async () => {
      await withServer(['--max-connections', '1', '--exec', 'read -r word; echo "$word"'], async (server) => {
        const nc = ['-N', '127.0.0.1', String(server.port)];
        const first = spawn('nc', nc, { stdio: ['pipe', 'pipe', 'inherit'] });
        await until(() => childrenOf(server.process.pid).length === 1);
        const second = client('nc', nc, 'second\n');
        await until(() => queueBySs(server.port)[0] === 1);
        server.process.kill(signal);
        await until(() => server.stderr().startsWith(`listenq: ${signal}: `));
        first.stdin.end('first\n');
        const [answer] = (await once(first.stdout, 'data')) as [Buffer];
        assert.deepEqual([answer.toString(), await second], ['first\n', 'second\n']);
        assert.deepEqual(await server.ended, [0, null]);
        assert.doesNotMatch(server.stderr(), /cut off/);
      });
    },
  );
}

for (const service of [['--echo'], ['--exec', 'cat'], ['--exec', DEAF]]) {
  test(
    `serve --drain 200 ${service.join(' ')}, SIGTERM: who does not end is cut off, exit status 0`,
    python,
    async () => {
      await withServer(['--drain', '200', ...service], async (server) => {
        const stays = startPython(STAYS, server.port);
        await once(stays.process.stdout as NodeJS.ReadableStream, 'data');
        const children = childrenOf(server.process.pid);
        server.process.kill('SIGTERM');
        assert.deepEqual(await server.ended, [0, null]);
        assert.match(server.stderr(), /^listenq: 1 cut off$/m);
        if (service.at(-1) !== DEAF) assert.equal(await stays.output, 'x\nended');
        else for (const pid of children) process.kill(pid, 'SIGKILL');
        stays.process.kill();
      });
    },
  );
}

const STAYS = `
import socket, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
s.send(b'x')
print(s.recv(1).decode(), flush=True)
try: print('more' if s.recv(1) else 'ended')
except ConnectionResetError: print('ended')
`;

test('serve, a second signal: ends at once, as any process does by it', python, async () => {
  await withServer(['--drain', '600000'], async (server) => {
    const stays = startPython(STAYS, server.port);
    await once(stays.process.stdout as NodeJS.ReadableStream, 'data');
    server.process.kill('SIGTERM');
    await until(() => server.stderr().includes('second signal'));
    server.process.kill('SIGINT');
    assert.deepEqual(await server.ended, [null, 'SIGINT']);
    await stays.output;
  });
});

test('serve --exec, a second signal: the commands end too, and their clients see it', python, async () => {
  await withServer(['--drain', '600000', '--exec', 'cat; sleep 1000'], async (server) => {
    const stays = startPython(STAYS, server.port);
    await once(stays.process.stdout as NodeJS.ReadableStream, 'data');
    server.process.kill('SIGTERM');
    await until(() => server.stderr().includes('second signal'));
    server.process.kill('SIGTERM');
    assert.deepEqual(await server.ended, [null, 'SIGTERM']);
    assert.equal(await stays.output, 'x\nended');
  });
});
