import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inChild } from '../support/child';

test('accept: EMFILE leaves the queue as it is, and goes on once there is room', () => {
  const { result } = inChild((q, s) => {
    const listener = q.listen({ host: '127.0.0.1', backlog: 10 });
    const to = listener.address();
    const clients = Array.from({ length: 5 }, () => {
      const fd = s.socket(s.AF_INET, s.SOCK_STREAM);
      s.connect(fd, to);
      return fd;
    });
    const room = s.socket(s.AF_INET, s.SOCK_STREAM);
    s.close(room);
    const { hard } = s.getrlimit(s.RLIMIT_NOFILE);
    s.setrlimit(s.RLIMIT_NOFILE, { soft: room, hard });
    const seen: unknown[] = [];
    for (const call of ['accept', 'tryAccept', 'acceptMany'] as const) {
      const start = performance.now();
      try {
        if (call === 'acceptMany') listener.acceptMany(5);
        else listener[call]();
      } catch (error) {
        const { code, errno, syscall } = error as InstanceType<typeof s.SystemCallError>;
        seen.push([code, errno, syscall, listener.queue().length, performance.now() - start < 5000]);
      }
    }
    s.setrlimit(s.RLIMIT_NOFILE, { soft: room + 3, hard });
    const taken = listener.acceptMany(5).length;
    let then = '';
    try {
      listener.acceptMany(5);
    } catch (error) {
      then = (error as { code: string }).code;
    }
    const left = listener.queue().length;
    s.setrlimit(s.RLIMIT_NOFILE, { soft: room + 100, hard });
    const rest = listener.acceptMany(5).length;
    return { seen, taken, then, left, rest, clients: clients.length };
  });
  const refused = ['EMFILE', -24, 'accept', 5, true];
  assert.deepEqual(result, {
    seen: [refused, refused, refused],
    taken: 3,
    then: 'EMFILE',
    left: 2,
    rest: 2,
    clients: 5,
  });
});

test('for-of: a shortage is thrown, and the loop can be begun again', () => {
  const { result } = inChild((q, s) => {
    const listener = q.listen({ host: '127.0.0.1' });
    const client = s.socket(s.AF_INET, s.SOCK_STREAM);
    s.connect(client, listener.address());
    const { soft, hard } = s.getrlimit(s.RLIMIT_NOFILE);
    s.setrlimit(s.RLIMIT_NOFILE, { soft: client + 1, hard });
    let code = '';
    try {
      for (const connection of listener) connection.close();
    } catch (error) {
      code = (error as { code: string }).code;
    }
    s.setrlimit(s.RLIMIT_NOFILE, { soft, hard });
    let taken = 0;
    for (const connection of listener) {
      taken++;
      connection.close();
      listener.close();
    }
    return { code, taken };
  });
  assert.deepEqual(result, { code: 'EMFILE', taken: 1 });
});

/** Every number of free descriptors up to where the call works: it throws EMFILE, and leaves nothing behind. */
const MAKERS: Record<
  string,
  (q: typeof import('listenq'), s: typeof import('listenq/syscalls')) => { close: () => void }[]
> = {
  listen: (q) => [q.listen({ host: '127.0.0.1' })],
  'listen at all addresses': (q) => [q.listen()],
  'listen at an abstract name': (q) => [q.listen({ path: '\0listenq-shortage' })],
  'listen at a name': (q) => [q.listen({ host: 'localhost' })],
  listenDualStack: (q) => q.listenDualStack(),
  'Listener.from': (q) => {
    const first = q.listen({ host: '127.0.0.1' });
    try {
      return [q.Listener.from(first.share()), first];
    } catch (error) {
      first.close();
      throw error;
    }
  },
  'connect and accept': (q) => {
    const listener = q.listen({ host: '127.0.0.1' });
    const made: { close: () => void }[] = [listener];
    try {
      made.push(q.connect({ host: '127.0.0.1', port: (listener.address() as { port: number }).port }));
      made.push(listener.accept());
      made.push((made[1] as import('listenq').Connection).dup());
      return made;
    } catch (error) {
      for (const thing of made) thing.close();
      throw error;
    }
  },
};

for (const [name, make] of Object.entries(MAKERS)) {
  test(`${name}: EMFILE at each descriptor that it needs leaves none open`, () => {
    const { result } = inChild(
      (q, s, source: string) => {
        const fs = require('node:fs') as typeof import('node:fs');
        const open = (): string => fs.readdirSync('/proc/self/fd').join(' ');
        const body = eval(source) as (typeof MAKERS)[string];
        const { soft, hard } = s.getrlimit(s.RLIMIT_NOFILE);
        const next = s.socket(s.AF_INET, s.SOCK_STREAM);
        s.close(next);
        const codes: string[] = [];
        const leaks: string[] = [];
        for (let room = 0; room < 24; room++) {
          const before = open();
          s.setrlimit(s.RLIMIT_NOFILE, { soft: next + room, hard });
          let code = 'works';
          try {
            for (const thing of body(q, s)) thing.close();
          } catch (error) {
            code = (error as { code: string }).code;
          }
          s.setrlimit(s.RLIMIT_NOFILE, { soft, hard });
          codes.push(code);
          if (open() !== before) leaks.push(`with ${room}: ${before} became ${open()}`);
        }
        return { codes, leaks: leaks.slice(0, 3) };
      },
      { data: `(${make.toString()})` },
    );
    assert.deepEqual(result.leaks, []);
    assert.equal(result.codes[0], 'EMFILE');
    assert.equal(result.codes.at(-1), 'works');
    // A host name that cannot be looked up for want of descriptors may answer in its own words.
    for (const code of result.codes) assert.match(code, /^(EMFILE|works|EAI_\w+|ENOTFOUND)$/);
  });
}
