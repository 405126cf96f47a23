import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inChild, type Package, type Syscalls } from '../support/child';

interface Seen {
  warnings: { name: string; code: string | undefined; message: string }[];
  left: number;
}

/** What the child does: `body` makes things and drops them, then they are collected, then we look. */
async function collectAfter(q: Package, s: Syscalls, source: never): Promise<Seen> {
  const fs = require('node:fs') as typeof import('node:fs');
  const body = eval(source) as (q: Package, s: Syscalls) => unknown;
  const warnings: Seen['warnings'] = [];
  process.on('warning', (warning) => {
    const { name, message } = warning;
    warnings.push({ name, code: (warning as { code?: string }).code, message });
  });
  const open = (): number => fs.readdirSync('/proc/self/fd').length;
  const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));
  // The first stream of a process has libuv open a descriptor for itself.
  process.stdout.cork();
  await turn();
  const before = open();
  await body(q, s);
  for (let i = 0; i < 200 && (open() > before || i < 10); i++) {
    (globalThis.gc as () => void)();
    await turn();
  }
  return { warnings, left: open() - before };
}

type Body = (q: Package, s: Syscalls) => unknown;

function leak(body: Body, env: Record<string, string> = {}): Seen {
  const options = { data: `(${body.toString()})`, nodeFlags: ['--expose-gc', '--no-warnings'], env };
  return inChild(collectAfter, options).result;
}

const LEAKS: Record<string, { kind: string; body: Body }> = {
  'a Listener': { kind: 'Listener', body: (q) => void q.listen({ host: '127.0.0.1' }) },
  'a Unix-domain Listener': { kind: 'Listener', body: (q) => void q.listen({ path: '\0listenq-leak' }) },
  'an adopted Listener': {
    kind: 'Listener',
    body: (q, s) => void q.listen({ fd: s.socket(s.AF_INET, s.SOCK_STREAM) }),
  },
  'the last copy of a Listener': {
    kind: 'Listener',
    body: (q) => {
      const first = q.listen({ host: '127.0.0.1' });
      q.Listener.from(first.share());
      first.release();
    },
  },
  'a Connection that connected': {
    kind: 'Connection',
    body: (q) => {
      const listener = q.listen({ host: '127.0.0.1' });
      q.connect({ host: '127.0.0.1', port: (listener.address() as { port: number }).port });
      listener.close();
    },
  },
  'a Connection that was accepted': {
    kind: 'Connection',
    body: (q, s) => {
      const listener = q.listen({ host: '127.0.0.1' });
      const client = s.socket(s.AF_INET, s.SOCK_STREAM);
      s.connect(client, listener.address());
      listener.acceptMany(5);
      s.close(client);
      listener.close();
    },
  },
  'a copy by dup': {
    kind: 'Connection',
    body: (q, s) => {
      const [a, b] = s.socketpair(s.AF_UNIX, s.SOCK_STREAM);
      const connection = q.Connection.from(a);
      connection.dup();
      connection.close();
      s.close(b);
    },
  },
};

for (const [name, { kind, body }] of Object.entries(LEAKS)) {
  test(`leak: ${name} that is collected has its descriptor closed, with one process warning`, () => {
    const { warnings, left } = leak(body);
    assert.equal(left, 0);
    assert.equal(warnings.length, 1, JSON.stringify(warnings));
    const [warning] = warnings;
    assert.deepEqual([warning?.name, warning?.code], ['ListenqLeakWarning', 'LISTENQ_LEAK']);
    assert.match(warning?.message ?? '', new RegExp(`^A ${kind} was collected.*NODE_DEBUG=listenq`));
  });
}

test('leak: with NODE_DEBUG=listenq the warning says where it was made', () => {
  const { warnings, left } = leak(
    function namedHere(q) {
      q.listen({ host: '127.0.0.1' });
    },
    { NODE_DEBUG: 'listenq' },
  );
  assert.equal(left, 0);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]?.message ?? '', /it was made at namedHere/);
});

test('leak: thirty leaked at once are all closed, with one warning', () => {
  const { warnings, left } = leak((q, s) => {
    for (let i = 0; i < 30; i++) {
      q.listen({ host: '127.0.0.1' });
      const [a, b] = s.socketpair(s.AF_UNIX, s.SOCK_STREAM);
      q.Connection.from(a);
      q.Connection.from(b);
    }
  });
  assert.equal(left, 0);
  assert.equal(warnings.length, 1);
});

const TIDY: Record<string, Body> = {
  'close()': (q) => {
    q.listen({ host: '127.0.0.1' }).close();
  },
  'release()': (q) => {
    q.listen({ host: '127.0.0.1' }).release();
  },
  'detach()': (q, s) => {
    s.close(q.listen({ host: '127.0.0.1' }).detach());
  },
  'close() of another copy': (q) => {
    const listener = q.listen({ host: '127.0.0.1' });
    q.Listener.from(listener.share()).close();
  },
  'close() of a Connection': (q, s) => {
    const [a, b] = s.socketpair(s.AF_UNIX, s.SOCK_STREAM);
    q.Connection.from(a).close();
    q.Connection.from(b).reset();
  },
  'toSocket()': async (q, s) => {
    const [a, b] = s.socketpair(s.AF_UNIX, s.SOCK_STREAM);
    const socket = q.Connection.from(a).toSocket();
    s.close(q.Connection.from(b).detach());
    socket.destroy();
    await new Promise((resolve) => socket.once('close', resolve));
  },
  'an error half-way': (q) => {
    for (const options of [{ host: '192.0.2.1' }, { host: '127.0.0.1', bindToDevice: 'nope0' }]) {
      try {
        q.listen(options);
      } catch {
        // Nothing was made.
      }
    }
  },
};

for (const [name, body] of Object.entries(TIDY)) {
  test(`leak: none after ${name}`, () => {
    assert.deepEqual(leak(body), { warnings: [], left: 0 });
  });
}

test('leak: a number that was given away is not closed when the object is collected', () => {
  const { result } = inChild(
    async (q, s) => {
      const fs = require('node:fs') as typeof import('node:fs');
      const fds = ((): number[] => {
        const [a, b] = s.socketpair(s.AF_UNIX, s.SOCK_STREAM);
        return [
          q.listen({ host: '127.0.0.1' }).detach(),
          q.Connection.from(a).detach(),
          q.Connection.from(b).detach(),
        ];
      })();
      for (let i = 0; i < 20; i++) {
        (globalThis.gc as () => void)();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return fds.map((fd) => fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:'));
    },
    { nodeFlags: ['--expose-gc'] },
  );
  assert.deepEqual(result, [true, true, true]);
});
