import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as c from 'listenq/syscalls';
import { inChild } from '../support/child';
import { needsRoot } from '../support/machine';

const RLIMIT_CORE = 4;

test('getrlimit: RLIMIT_NOFILE is what /proc says', () => {
  const line = /^Max open files\s+(\d+)\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  const { soft, hard } = c.getrlimit(c.RLIMIT_NOFILE);
  assert.deepEqual([soft, hard], [Number(line?.[1]), Number(line?.[2])]);
});

test('getrlimit: no limit is Infinity', () => {
  const RLIMIT_CPU = 0;
  const line = /^Max cpu time\s+(\S+)\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  const number = (text: string | undefined): number => (text === 'unlimited' ? Infinity : Number(text));
  assert.deepEqual(c.getrlimit(RLIMIT_CPU), { soft: number(line?.[1]), hard: number(line?.[2]) });
});

test('getrlimit, setrlimit: an unknown resource is EINVAL', () => {
  assert.throws(() => c.getrlimit(9999), { code: 'EINVAL', errno: -22, syscall: 'getrlimit' });
  assert.throws(() => c.setrlimit(9999, { soft: 1, hard: 1 }), { code: 'EINVAL', syscall: 'setrlimit' });
});

test('setrlimit: lowers the soft limit, which then stops socket with EMFILE', () => {
  const { result } = inChild((_, s) => {
    const { hard } = s.getrlimit(s.RLIMIT_NOFILE);
    s.setrlimit(s.RLIMIT_NOFILE, { soft: 64, hard });
    const made: number[] = [];
    try {
      for (let i = 0; i < 100; i++) made.push(s.socket(s.AF_INET, s.SOCK_STREAM));
      return 'no limit';
    } catch (error) {
      const { code, errno, syscall, message } = error as InstanceType<typeof s.SystemCallError>;
      const { soft } = s.getrlimit(s.RLIMIT_NOFILE);
      return {
        code,
        errno,
        syscall,
        advice: message.includes('setrlimit(RLIMIT_NOFILE)'),
        soft,
        highest: made.at(-1),
      };
    }
  });
  assert.deepEqual(result, {
    code: 'EMFILE',
    errno: -24,
    syscall: 'socket',
    advice: true,
    soft: 64,
    highest: 63,
  });
});

test('setrlimit: Infinity is RLIM_INFINITY', () => {
  const { result } = inChild(
    (_, s, resource: number) => {
      s.setrlimit(resource, { soft: 0, hard: Infinity });
      return Object.values(s.getrlimit(resource)).map(String);
    },
    { data: RLIMIT_CORE },
  );
  assert.deepEqual(result, ['0', 'Infinity']);
});

test('setrlimit: soft over hard is EINVAL', () => {
  const { result } = inChild((_, s) => {
    try {
      s.setrlimit(s.RLIMIT_NOFILE, { soft: 65, hard: 64 });
      return 'set';
    } catch (error) {
      return (error as { code: string }).code;
    }
  });
  assert.equal(result, 'EINVAL');
});

test(
  'setrlimit: the hard limit stays where it is without the capability: EPERM',
  { skip: needsRoot() },
  () => {
    const { result } = inChild((_, s) => {
      const { soft, hard } = s.getrlimit(s.RLIMIT_NOFILE);
      process.setuid?.(65534);
      try {
        s.setrlimit(s.RLIMIT_NOFILE, { soft, hard: hard + 1 });
        return 'raised';
      } catch (error) {
        const { code, errno, syscall } = error as { code: string; errno: number; syscall: string };
        return { code, errno, syscall };
      }
    });
    assert.deepEqual(result, { code: 'EPERM', errno: -1, syscall: 'setrlimit' });
  },
);
