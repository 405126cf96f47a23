import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { connect, listen, type Listener } from 'listenq';
import { programOf } from '../support/child';
import { needsTool } from '../support/machine';
import { portOf } from '../support/sockets';

/** Starts a program that has the listener as descriptor 3, and closes it here; gives what the program answers a client. */
async function answerOf(listener: Listener, command: string, args: string[]): Promise<string> {
  const port = portOf(listener.address());
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', listener.fd] });
  const ended = once(child, 'close');
  listener.close();
  const client = connect({ host: '127.0.0.1', port, timeoutMs: 20_000 });
  const answer = client.recv(1000, { timeoutMs: 20_000 }).toString();
  client.close();
  await ended;
  return answer;
}

test('listen({ fd }): a listener that the parent process passed by stdio keeps its backlog, and is CLOEXEC', async () => {
  const program = programOf((q) => {
    const fs = require('node:fs') as typeof import('node:fs');
    const cloexec = (): boolean => /flags:\s*02\d{6}$/m.test(fs.readFileSync('/proc/self/fdinfo/3', 'utf8'));
    const inherited = cloexec();
    const listener = q.listen({ fd: 3 });
    const connection = listener.accept({ timeoutMs: 20_000 });
    connection.sendAll(JSON.stringify([inherited, cloexec(), listener.backlog]));
    connection.close();
    listener.close();
  }, null);
  const listener = listen({ host: '127.0.0.1', backlog: 0 });
  const answer = await answerOf(listener, process.execPath, ['-e', program]);
  // Node itself makes what it inherits CLOEXEC, before it runs anything.
  assert.deepEqual(JSON.parse(answer), [true, true, 0]);
});

test('listener.fd: python3 accepts from one that it inherited', { skip: needsTool('python3') }, async () => {
  const program = `
import os, socket
listener = socket.socket(fileno=3)
listener.settimeout(20)
listener.accept()[0].sendall(str(os.get_inheritable(3)).encode())`;
  const answer = await answerOf(listen({ host: '127.0.0.1', backlog: 0 }), 'python3', ['-c', program]);
  assert.equal(answer, 'True');
});
