import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { test } from 'node:test';
import { anyOf, needsTool } from '../support/machine';
import { startPython } from '../support/python';
import { until } from '../support/until';
import { MAIN } from './command-line';
import { client, connectionsOf, queueBySs, withServer, type Server, type Standing } from './server';

const skip = anyOf(needsTool('prlimit'), needsTool('nc'), needsTool('ss'), needsTool('python3'));

/** Sets how many more descriptors a process may open. */
function leave({ pid }: ChildProcess, more: number): void {
  const open = new Set(fs.readdirSync(`/proc/${pid}/fd`).map(Number));
  let limit = 0;
  for (let free = 0; free < more; limit++) if (!open.has(limit)) free++;
  limitTo(pid, limit);
}

function limitTo(pid: number | undefined, limit: number): void {
  assert.equal(spawnSync('prlimit', ['--pid', String(pid), `--nofile=${limit}:`]).status, 0);
}

/** A client that has been taken, and whose command cannot be started. */
async function waits(server: Server): Promise<{ answer: Promise<string> }> {
  const talk = (word: string): Promise<string> =>
    client('nc', ['-N', '127.0.0.1', String(server.port)], `${word}\n`);
  // Then its accepting thread has all its descriptors.
  assert.equal(await talk('early'), 'early\n');
  await until(() => connectionsOf(server.process.pid) === 0);
  leave(server.process, 1);
  const answer = talk('first');
  await until(() => server.stderr().includes('spawn sh EMFILE; it waits\n'));
  return { answer };
}

test(
  'serve --exec, no descriptor for a process: said once, who is taken waits, the others in the queue',
  { skip },
  async () => {
    await withServer(['--exec', 'cat'], async (server) => {
      const { answer } = await waits(server);
      const second = client('nc', ['-N', '127.0.0.1', String(server.port)], 'second\n');
      await until(() => queueBySs(server.port)[0] === 1);
      leave(server.process, 100);
      assert.deepEqual([await answer, await second], ['first\n', 'second\n']);
      assert.match(server.stderr(), /^listenq: 127\.0\.0\.1 port \d+: spawn sh EMFILE; it waits\n$/);
    });
  },
);

test('serve --exec, a signal in a shortage: who still waits at the end is cut off', { skip }, async () => {
  await withServer(['--drain', '200', '--exec', 'cat'], async (server) => {
    const { answer } = await waits(server);
    // Else the accepting thread, when it ends, leaves enough of them.
    limitTo(server.process.pid, 10);
    server.process.kill('SIGTERM');
    assert.deepEqual(await server.ended, [0, null]);
    assert.match(server.stderr(), /^listenq: 1 cut off$/m);
    assert.equal(await answer, '');
  });
});

const MANY = `
import socket, sys
all = [socket.create_connection(('127.0.0.1', int(sys.argv[1]))) for i in range(100)]
for s in all: s.send(b'%d\\n' % s.fileno())
for s in all: s.shutdown(socket.SHUT_WR)
print(sum(s.makefile().read() == '%d\\n' % s.fileno() for s in all))
`;

test('serve --exec under a limit of 60 descriptors: 100 clients, and each is served', { skip }, async () => {
  const command = ['--nofile=60', process.execPath, MAIN, 'serve', '--json', '--port', '0', '--exec', 'cat'];
  const server = spawn('prlimit', command, { stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = (await once(server.stdout, 'data')) as [Buffer];
  const { address } = JSON.parse(line.toString()) as Standing;
  assert.equal(await startPython(MANY, address.port).output, '100');
  server.kill();
  await once(server, 'close');
});
