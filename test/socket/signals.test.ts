import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inChild } from '../support/child';
import { needsTool } from '../support/machine';

const skip = needsTool('python3');

/** A child that another process sends a signal every 2 ms, for which it has a handler. */
function underStorm<T>(body: (q: never, s: never, data: never) => T): { result: T; interrupted: string } {
  const { result } = inChild(
    async (q, s, source: string) => {
      const { spawn } = require('node:child_process') as typeof import('node:child_process');
      process.on('SIGUSR2', () => undefined);
      const program = `
import os, signal, sys, time
print('begun', flush=True)
for _ in range(3000):
    os.kill(int(sys.argv[1]), signal.SIGUSR2)
    time.sleep(0.002)`;
      const storm = spawn('python3', ['-c', program, String(process.pid)], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      await new Promise((resolve) => storm.stdout.once('data', resolve));
      let interrupted = 'no';
      try {
        // The bare system call is interrupted: that is the storm.
        s.poll([], 5000);
      } catch (error) {
        interrupted = (error as { code: string }).code;
      }
      try {
        return { interrupted, result: await (eval(source) as (a: unknown, b: unknown) => T)(q, s) };
      } finally {
        const gone = new Promise((resolve) => storm.once('exit', resolve));
        storm.kill('SIGKILL');
        await gone;
      }
    },
    { data: `(${body.toString()})` },
  );
  return result;
}

type Timed = [code: string, took: number][];

test('accept, acceptMany, recv, send, connect: deadlines are kept under a storm of signals', { skip }, () => {
  const { result, interrupted } = underStorm(
    (q: typeof import('listenq'), s: typeof import('listenq/syscalls')): Timed => {
      const listener = q.listen({ host: '127.0.0.1', backlog: 0 });
      const unix = q.listen({ path: '\0listenq-storm', backlog: 0 });
      const { port } = listener.address() as { port: number };
      const first = q.connect({ path: '\0listenq-storm' });
      const [a] = s.socketpair(s.AF_UNIX, s.SOCK_STREAM);
      const connection = q.Connection.from(a);
      const timed = (call: () => unknown): [string, number] => {
        const start = performance.now();
        try {
          call();
          return ['none', performance.now() - start];
        } catch (error) {
          return [(error as { code: string }).code, performance.now() - start];
        }
      };
      const seen: Timed = [
        timed(() => listener.accept({ timeoutMs: 350 })),
        timed(() => listener.acceptMany(3, { timeoutMs: 350 })),
        timed(() => connection.recv(1, { timeoutMs: 350 })),
        timed(() => connection.sendAll(Buffer.alloc(4_000_000), { timeoutMs: 350 })),
        timed(() => q.connect({ path: '\0listenq-storm', timeoutMs: 350 })),
      ];
      const full = q.connect({ host: '127.0.0.1', port });
      seen.push(timed(() => q.connect({ host: '127.0.0.1', port, timeoutMs: 350 })));
      for (const thing of [listener, unix, first, connection, full]) thing.close();
      return seen;
    },
  );
  assert.equal(interrupted, 'EINTR');
  assert.deepEqual(
    result.map(([code]) => code),
    ['ETIMEDOUT', 'none', 'ETIMEDOUT', 'ETIMEDOUT', 'ETIMEDOUT', 'ETIMEDOUT'],
  );
  for (const [code, took] of result) assert.ok(took >= 349.5 && took < 30_000, `${code} after ${took}`);
});

test('accept: under a storm of signals takes every client, and sendAll moves every byte', { skip }, () => {
  const { result, interrupted } = underStorm(
    (q: typeof import('listenq'), s: typeof import('listenq/syscalls')) => {
      const { spawn } = require('node:child_process') as typeof import('node:child_process');
      const listener = q.listen({ host: '127.0.0.1', backlog: 50 });
      const program = `
import socket, sys
for i in range(10):
    peer = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
    got = 0
    while chunk := peer.recv(65536):
        got += len(chunk)
    print(got)`;
      const { port } = listener.address() as { port: number };
      spawn('python3', ['-c', program, String(port)], { stdio: 'ignore' });
      let sent = 0;
      for (let i = 0; i < 10; i++) {
        const connection = listener.accept({ timeoutMs: 30_000 });
        sent += connection.sendAll(Buffer.alloc(500_000));
        connection.shutdown('write');
        // The peer closes only once it has read it all.
        if (connection.recv(1, { timeoutMs: 30_000 }).length !== 0) throw new Error('data');
        connection.close();
      }
      listener.close();
      return { sent, nonblocking: s.SOCK_NONBLOCK > 0 };
    },
  );
  assert.equal(interrupted, 'EINTR');
  assert.equal(result.sent, 5_000_000);
});
