import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { inChild, type Package } from '../support/child';
import { anyOf, privateNetwork, temporaryFolder } from '../support/machine';
import { needsStrace } from '../support/strace';

const skip = anyOf(privateNetwork(), needsStrace());

interface Seen {
  /** Of each 'shortage', and how many the kernel's queue held then. */
  shortages: [code: string, queued: number][];
  served: number;
  failed: number;
  /** What accept() was rejected with, and 'error' emitted. */
  rejected: string | null;
  error: string | null;
}

/** Three clients that have connected before the loop begins, and what becomes of them within `forMs`. */
async function serveThree(q: Package, _: unknown, forMs: number): Promise<Seen> {
  const loop = q.acceptLoop({ host: '127.0.0.1', backlog: 50 }).pause();
  const listener = loop.listeners[0] as import('listenq').Listener;
  const { port } = listener.address() as { port: number };
  const seen: Seen = { shortages: [], served: 0, failed: 0, rejected: null, error: null };
  loop.on('shortage', ({ code }) => seen.shortages.push([code, listener.queue().length]));
  loop.on('error', (error) => (seen.error = (error as { code?: string }).code ?? error.name));
  const clients = [0, 1, 2].map(() => q.connect({ host: '127.0.0.1', port }));
  loop.resume();
  const late = setTimeout(() => void loop.close(), forMs);
  try {
    while (seen.served < 3) {
      const connection = await loop.accept();
      connection.sendAll('served');
      connection.close();
      seen.served++;
    }
    for (const client of clients) client.recvExactly(6);
  } catch (error) {
    seen.rejected = (error as { code: string }).code;
  }
  clearTimeout(late);
  await loop.close();
  seen.failed = loop.stats().failed;
  for (const client of clients) client.close();
  return seen;
}

/** Runs that in a child whose accept4(2) fails with `error` at the turns `when` says. */
function withInjected(error: string, when: string, forMs = 20_000): { seen: Seen; calls: string[] } {
  const file = path.join(temporaryFolder(), 'trace');
  const under = ['strace', '-f', '-qq', '-e', 'signal=none', '-e', 'trace=accept4', '-o', file];
  const { result } = inChild(serveThree, {
    data: forMs,
    under: [...under, '-e', `inject=accept4:error=${error}:when=${when}`],
  });
  const calls = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.includes('accept4'));
  return { seen: result, calls };
}

for (const code of ['ENFILE', 'ENOBUFS', 'ENOMEM', 'EMFILE']) {
  test(
    `${code} for a while: one 'shortage', the kernel keeps all, and all are served afterwards`,
    { skip },
    () => {
      const { seen, calls } = withInjected(code, '1..7');
      assert.deepEqual(seen, { shortages: [[code, 3]], served: 3, failed: 0, rejected: null, error: null });
      assert.equal(calls.filter((call) => call.includes('INJECTED')).length, 7);
    },
  );
}

test('ENFILE that does not end: a try now and then, and close() ends it', { skip }, () => {
  const { seen, calls } = withInjected('ENFILE', '1+', 1500);
  assert.deepEqual(seen.shortages, [['ENFILE', 3]]);
  assert.deepEqual([seen.served, seen.rejected, seen.error], [0, 'ERR_LISTENER_CLOSED', null]);
  // Pauses grow from 5 to 100 ms: 5 tries in the first 155 ms, then 10 a second.
  assert.ok(calls.length >= 5 && calls.length <= 30, `${calls.length} tries`);
});

const OF_ONE_CONNECTION = [
  ...['ECONNABORTED', 'EPROTO', 'EPERM', 'ENETDOWN', 'ENETUNREACH', 'EHOSTDOWN', 'EHOSTUNREACH'],
  ...['ENONET', 'ENOPROTOOPT', 'ETIMEDOUT'],
];

for (const code of OF_ONE_CONNECTION) {
  test(`${code}: counted in stats().failed, and passed over`, { skip }, () => {
    const { seen } = withInjected(code, '1..2');
    assert.deepEqual(seen, { shortages: [], served: 3, failed: 2, rejected: null, error: null });
  });
}

test('ECONNABORTED without end: does not spin', { skip }, () => {
  const { seen, calls } = withInjected('ECONNABORTED', '1+', 1000);
  assert.deepEqual([seen.served, seen.shortages, seen.error], [0, [], null]);
  assert.equal(seen.failed, calls.length);
  // Up to three at a time, each 10 ms.
  assert.ok(calls.length <= 400, `${calls.length} tries`);
});

for (const code of ['EINTR', 'EAGAIN']) {
  test(`${code}: no failure at all`, { skip }, () => {
    const { seen } = withInjected(code, '1..3');
    assert.deepEqual(seen, { shortages: [], served: 3, failed: 0, rejected: null, error: null });
  });
}

for (const code of ['EBADF', 'EINVAL', 'ENOTSOCK', 'EOPNOTSUPP']) {
  test(`${code}: of the listener: the loop ends with it`, { skip }, () => {
    const { seen } = withInjected(code, '2+');
    assert.deepEqual([seen.served, seen.rejected, seen.shortages], [1, code, []]);
  });
}
