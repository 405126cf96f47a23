import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { lineOf, startChild, type ChildOptions, type Package, type Syscalls } from '../support/child';
import { ROOT } from '../support/machine';

/** Far above the slice of a blocked call and far below "for ever". */
const HELD_UP_MS = 10_000;

type Body = (q: Package, s: Syscalls, data: never) => unknown;

/** How a child ended, that printed one line before: code, signal, and how long that took after the line. */
async function endOf(
  body: Body,
  options: ChildOptions = {},
  kill?: NodeJS.Signals,
): Promise<[number | null, string | null]> {
  const child = startChild(body, options);
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
  const late = setTimeout(() => child.kill('SIGKILL'), HELD_UP_MS * 3);
  try {
    await lineOf(child);
    if (kill !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      child.kill(kill);
    }
    const start = performance.now();
    const end = await ended;
    assert.ok(performance.now() - start < HELD_UP_MS, `held up for ${performance.now() - start} ms`);
    return end;
  } finally {
    clearTimeout(late);
  }
}

/** Starts workers that block in each call that can, and then runs `then` in the main thread. */
const BLOCKED_WORKERS = `
  const { Worker } = require('node:worker_threads');
  const calls = {
    accept: "q.listen({ host: '127.0.0.1' }).accept()",
    forOf: "for (const c of q.listen({ path: '\\\\0listenq-exit-' + process.pid })) c.close()",
    recv: "q.Connection.from(s.socketpair(1, 1)[0]).recv(1)",
    send: "q.Connection.from(s.socketpair(1, 1)[0]).sendAll(Buffer.alloc(1e7))",
    unix: "const name = '\\\\0listenq-exit-full-' + process.pid; const l = q.listen({ path: name, backlog: 0 }); const f = q.connect({ path: name }); q.connect({ path: name }); l.close(); f.close()",
    tcp: "const l = q.listen({ host: '127.0.0.1', backlog: 0 }); const to = { host: '127.0.0.1', port: l.address().port }; const f = q.connect(to); q.connect(to); f.close()",
  };
  const start = (call) => new Promise((resolve) => {
    const program = \`const load = require('node:module').createRequire('ROOT/package.json');
      const q = load('listenq'), s = load('listenq/syscalls');
      require('node:worker_threads').parentPort.postMessage('ready');
      \${call}\`;
    new Worker(program, { eval: true }).once('message', resolve);
  });
  Promise.all(Object.values(calls).map(start)).then(() => setTimeout(THEN, 150));
`;

function withBlockedWorkers(then: string): [Body, ChildOptions] {
  const data = BLOCKED_WORKERS.replace('ROOT', ROOT).replace('THEN', then);
  return [
    (_q, _s, program: string) => {
      eval(program);
      return new Promise(() => undefined);
    },
    { data },
  ];
}

test('process.exit: from the main thread, with workers blocked in accept, recv, send and connect', async () => {
  const then = `() => { require('node:fs').writeSync(1, 'exit\\n'); process.exit(7); }`;
  assert.deepEqual(await endOf(...withBlockedWorkers(then)), [7, null]);
});

test('process.exit: of an uncaught error, with such workers', async () => {
  const then = `() => { require('node:fs').writeSync(1, 'throw\\n'); process.on('uncaughtException', () => process.exit(9)); throw new Error('x'); }`;
  assert.deepEqual(await endOf(...withBlockedWorkers(then)), [9, null]);
});

const ON_MAIN: Record<string, Body> = {
  accept: (q) => {
    const listener = q.listen({ host: '127.0.0.1' });
    (require('node:fs') as typeof import('node:fs')).writeSync(1, 'blocks\n');
    listener.accept();
  },
  recv: (q, s) => {
    const connection = q.Connection.from(s.socketpair(s.AF_UNIX, s.SOCK_STREAM)[0]);
    (require('node:fs') as typeof import('node:fs')).writeSync(1, 'blocks\n');
    connection.recv(1);
  },
  'connect to a full Unix-domain queue': (q) => {
    const path = `\0listenq-main-${process.pid}`;
    const listener = q.listen({ path, backlog: 0 });
    const first = q.connect({ path });
    (require('node:fs') as typeof import('node:fs')).writeSync(1, 'blocks\n');
    q.connect({ path });
    first.close();
    listener.close();
  },
};

for (const [name, body] of Object.entries(ON_MAIN)) {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGKILL'] as const) {
    test(`${signal}: its default action ends a process that blocks in ${name} on the main thread`, async () => {
      assert.deepEqual(await endOf(body, {}, signal), [null, signal]);
    });
  }
}

test('exit: a process that ends with open objects ends as any other', async () => {
  const end = endOf((q, s) => {
    const listener = q.listen({ host: '127.0.0.1' });
    const [a, b] = s.socketpair(s.AF_UNIX, s.SOCK_STREAM);
    (globalThis as Record<string, unknown>)['kept'] = [listener, q.Connection.from(a), q.Connection.from(b)];
    (require('node:fs') as typeof import('node:fs')).writeSync(1, 'ends\n');
  });
  assert.deepEqual(await end, [0, null]);
});
