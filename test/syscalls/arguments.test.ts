import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import * as c from 'listenq/syscalls';
import { inChild } from '../support/child';
import { openDescriptors } from '../support/machine';
import { needsStrace, traced } from '../support/strace';

/** Each function with right arguments; each is then made wrong at one place. None of them is ever called rightly. */
const CALLS: Record<string, { call: (...args: never[]) => unknown; right: unknown[]; int32: number[] }> = {
  socket: { call: c.socket, right: [c.AF_INET, c.SOCK_STREAM, 0], int32: [0, 1, 2] },
  socketpair: { call: c.socketpair, right: [c.AF_UNIX, c.SOCK_STREAM, 0], int32: [0, 1, 2] },
  bind: { call: c.bind, right: [1000, { family: 'IPv4', address: '127.0.0.1', port: 0 }], int32: [0] },
  listen: { call: c.listen, right: [1000, 5], int32: [0, 1] },
  accept: { call: c.accept, right: [1000, 0], int32: [0, 1] },
  connect: { call: c.connect, right: [1000, { family: 'IPv4', address: '127.0.0.1', port: 1 }], int32: [0] },
  getsockname: { call: c.getsockname, right: [1000], int32: [0] },
  getpeername: { call: c.getpeername, right: [1000], int32: [0] },
  getsockopt: { call: c.getsockopt, right: [1000, 1, 3, 4], int32: [0, 1, 2, 3] },
  getsockoptInt: { call: c.getsockoptInt, right: [1000, 1, 3], int32: [0, 1, 2] },
  setsockopt: { call: c.setsockopt, right: [1000, 1, 2, 1], int32: [0, 1, 2] },
  recv: { call: c.recv, right: [1000, Buffer.alloc(1), 0], int32: [0, 2] },
  send: { call: c.send, right: [1000, Buffer.alloc(1), 0], int32: [0, 2] },
  shutdown: { call: c.shutdown, right: [1000, 0], int32: [0, 1] },
  close: { call: c.close, right: [1000], int32: [0] },
  dup: { call: c.dup, right: [1000], int32: [0] },
  poll: { call: c.poll, right: [[], 0], int32: [1] },
  getNonblocking: { call: c.getNonblocking, right: [1000], int32: [0] },
  setNonblocking: { call: c.setNonblocking, right: [1000, true], int32: [0] },
  getrlimit: { call: c.getrlimit, right: [7], int32: [0] },
  setrlimit: { call: c.setrlimit, right: [7, { soft: 1, hard: 1 }], int32: [0] },
};

const WRONG_TYPES: unknown[] = ['7', null, true, {}, [3], 7n, Symbol('seven'), () => 7];
const OUT_OF_RANGE: unknown[] = [0.5, NaN, Infinity, -Infinity, 2147483648, -2147483649, 4294967296, 1e300];

test('arguments: the table has every function of the entry', () => {
  const functions = Object.entries(c).filter(
    ([name, value]) => typeof value === 'function' && /^[a-z]/.test(name),
  );
  assert.deepEqual(functions.map(([name]) => name).sort(), Object.keys(CALLS).sort());
});

function refuses(
  name: string,
  args: unknown[],
  expected: { name: string; code: string },
  value: unknown,
): void {
  const before = openDescriptors();
  const call = CALLS[name]?.call as (...args: unknown[]) => unknown;
  assert.throws(
    () => call(...args),
    (error: unknown) => {
      assert.ok(error instanceof Error);
      assert.deepEqual(
        { name: error.name, code: (error as { code?: string }).code },
        expected,
        error.message,
      );
      const named = typeof value === 'object' || typeof value === 'function' ? 'Received' : inspect(value);
      assert.ok(error.message.includes(named), `${error.message} does not name ${named}`);
      return true;
    },
  );
  assert.deepEqual(openDescriptors(), before);
}

for (const [name, { right, int32 }] of Object.entries(CALLS)) {
  test(`${name}: a number that is no int32 is ERR_INVALID_ARG_TYPE or ERR_OUT_OF_RANGE, with the value`, () => {
    for (const index of int32) {
      for (const value of WRONG_TYPES) {
        refuses(name, right.with(index, value), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }, value);
      }
      for (const value of OUT_OF_RANGE) {
        refuses(name, right.with(index, value), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' }, value);
      }
    }
  });

  test(`${name}: without arguments it is ERR_INVALID_ARG_TYPE`, () => {
    refuses(name, [], { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }, {});
  });
}

const UNIX = (path: unknown): unknown => ({ family: 'unix', path });
const IPV4 = (address: unknown, port: unknown): unknown => ({ family: 'IPv4', address, port });

const WRONG_ADDRESSES: [value: unknown, code: string, named: unknown][] = [
  [undefined, 'ERR_INVALID_ARG_TYPE', undefined],
  [null, 'ERR_INVALID_ARG_TYPE', null],
  ['127.0.0.1', 'ERR_INVALID_ARG_TYPE', '127.0.0.1'],
  [[], 'ERR_INVALID_ARG_TYPE', {}],
  [{}, 'ERR_INVALID_ARG_TYPE', undefined],
  [{ family: 4 }, 'ERR_INVALID_ARG_TYPE', 4],
  [{ family: 'ipv4', address: '127.0.0.1', port: 0 }, 'ERR_INVALID_ARG_VALUE', 'ipv4'],
  [{ family: 'Unix', path: '/x' }, 'ERR_INVALID_ARG_VALUE', 'Unix'],
  [IPV4('127.0.0.1', '80'), 'ERR_INVALID_ARG_TYPE', '80'],
  [IPV4('127.0.0.1', undefined), 'ERR_INVALID_ARG_TYPE', undefined],
  [IPV4('127.0.0.1', -1), 'ERR_SOCKET_BAD_PORT', -1],
  [IPV4('127.0.0.1', 65536), 'ERR_SOCKET_BAD_PORT', 65536],
  [IPV4('127.0.0.1', 80.5), 'ERR_SOCKET_BAD_PORT', 80.5],
  [IPV4('127.0.0.1', NaN), 'ERR_SOCKET_BAD_PORT', NaN],
  [IPV4(2130706433, 80), 'ERR_INVALID_ARG_TYPE', 2130706433],
  [IPV4('', 80), 'ERR_INVALID_ARG_VALUE', ''],
  [IPV4('127.1', 80), 'ERR_INVALID_ARG_VALUE', '127.1'],
  [IPV4('localhost', 80), 'ERR_INVALID_ARG_VALUE', 'localhost'],
  [IPV4('::1', 80), 'ERR_INVALID_ARG_VALUE', '::1'],
  [IPV4('127.0.0.1 ', 80), 'ERR_INVALID_ARG_VALUE', '127.0.0.1 '],
  [IPV4('127.0.0.1\0.example', 80), 'ERR_INVALID_ARG_VALUE', '127.0.0.1\0.example'],
  [{ family: 'IPv6', address: '127.0.0.1', port: 1 }, 'ERR_INVALID_ARG_VALUE', '127.0.0.1'],
  [{ family: 'IPv6', address: '::1%lo', port: 1 }, 'ERR_INVALID_ARG_VALUE', '::1%lo'],
  [{ family: 'IPv6', address: '::1', port: 1, scopeId: -1 }, 'ERR_OUT_OF_RANGE', -1],
  [{ family: 'IPv6', address: '::1', port: 1, scopeId: 2 ** 32 }, 'ERR_OUT_OF_RANGE', 2 ** 32],
  [{ family: 'IPv6', address: '::1', port: 1, scopeId: '1' }, 'ERR_INVALID_ARG_TYPE', '1'],
  [UNIX(undefined), 'ERR_INVALID_ARG_TYPE', undefined],
  [UNIX(Buffer.from('/x')), 'ERR_INVALID_ARG_TYPE', {}],
  [UNIX('/a\0b'), 'ERR_INVALID_ARG_VALUE', '/a\0b'],
  [UNIX('p'.repeat(108)), 'ERR_INVALID_ARG_VALUE', 'p'.repeat(108)],
  [UNIX(`${'p'.repeat(106)}é`), 'ERR_INVALID_ARG_VALUE', `${'p'.repeat(106)}é`],
  [UNIX(`\0${'p'.repeat(108)}`), 'ERR_INVALID_ARG_VALUE', `\0${'p'.repeat(108)}`],
];

for (const name of ['bind', 'connect']) {
  test(`${name}: a wrong address is refused before the call, with the value`, () => {
    for (const [address, code, named] of WRONG_ADDRESSES) {
      const range = code === 'ERR_OUT_OF_RANGE' || code === 'ERR_SOCKET_BAD_PORT';
      refuses(name, [1000, address], { name: range ? 'RangeError' : 'TypeError', code }, named);
    }
  });
}

const OTHERS: [name: string, args: unknown[], code: string, named: unknown][] = [
  ['setsockopt', [1000, 1, 2, '1'], 'ERR_INVALID_ARG_TYPE', '1'],
  ['setsockopt', [1000, 1, 2, undefined], 'ERR_INVALID_ARG_TYPE', undefined],
  ['setsockopt', [1000, 1, 2, new ArrayBuffer(4)], 'ERR_INVALID_ARG_TYPE', {}],
  ['setsockopt', [1000, 1, 2, 0.5], 'ERR_OUT_OF_RANGE', 0.5],
  ['setsockopt', [1000, 1, 2, 2 ** 31], 'ERR_OUT_OF_RANGE', 2 ** 31],
  ['getsockopt', [1000, 1, 2, -1], 'ERR_OUT_OF_RANGE', -1],
  ['recv', [1000, 'text'], 'ERR_INVALID_ARG_TYPE', 'text'],
  ['recv', [1000, 10], 'ERR_INVALID_ARG_TYPE', 10],
  ['recv', [1000, new ArrayBuffer(4)], 'ERR_INVALID_ARG_TYPE', {}],
  ['recv', [1000, [1, 2]], 'ERR_INVALID_ARG_TYPE', {}],
  ['send', [1000, 'text'], 'ERR_INVALID_ARG_TYPE', 'text'],
  ['send', [1000, null], 'ERR_INVALID_ARG_TYPE', null],
  ['send', [1000, new SharedArrayBuffer(4)], 'ERR_INVALID_ARG_TYPE', {}],
  ['setNonblocking', [1000, 1], 'ERR_INVALID_ARG_TYPE', 1],
  ['setNonblocking', [1000, undefined], 'ERR_INVALID_ARG_TYPE', undefined],
  ['poll', [null, 0], 'ERR_INVALID_ARG_TYPE', null],
  ['poll', [{ length: 0 }, 0], 'ERR_INVALID_ARG_TYPE', {}],
  ['poll', [[1], 0], 'ERR_INVALID_ARG_TYPE', 1],
  ['poll', [[{ fd: 1 }], 0], 'ERR_INVALID_ARG_TYPE', undefined],
  ['poll', [[{ events: 1 }], 0], 'ERR_INVALID_ARG_TYPE', undefined],
  ['poll', [[{ fd: 0.5, events: 1 }], 0], 'ERR_OUT_OF_RANGE', 0.5],
  ['poll', [[{ fd: 1, events: 65536 }], 0], 'ERR_OUT_OF_RANGE', 65536],
  ['poll', [[{ fd: 1, events: -1 }], 0], 'ERR_OUT_OF_RANGE', -1],
  ['poll', [[], -2], 'ERR_OUT_OF_RANGE', -2],
  ['poll', [new Array(1), 0], 'ERR_INVALID_ARG_TYPE', undefined],
  ['setrlimit', [7, null], 'ERR_INVALID_ARG_TYPE', null],
  ['setrlimit', [7, { soft: 1 }], 'ERR_INVALID_ARG_TYPE', undefined],
  ['setrlimit', [7, { soft: -1, hard: 1 }], 'ERR_OUT_OF_RANGE', -1],
  ['setrlimit', [7, { soft: 1.5, hard: 2 }], 'ERR_OUT_OF_RANGE', 1.5],
  ['setrlimit', [7, { soft: 1, hard: NaN }], 'ERR_OUT_OF_RANGE', NaN],
  ['setrlimit', [7, { soft: '1', hard: 1 }], 'ERR_INVALID_ARG_TYPE', '1'],
  ['setrlimit', [7, { soft: 1, hard: 2 ** 53 }], 'ERR_OUT_OF_RANGE', 2 ** 53],
];

test('arguments: what is no number is checked too', () => {
  for (const [name, args, code, named] of OTHERS) {
    const range = code === 'ERR_OUT_OF_RANGE';
    refuses(name, args, { name: range ? 'RangeError' : 'TypeError', code }, named);
  }
});

test('listen: strace sees no call for a backlog that is no int32', { skip: needsStrace() }, () => {
  const { result, calls } = traced('listen,close', (_, s) => {
    const fd = s.socket(s.AF_INET, s.SOCK_STREAM);
    const wrong = [
      0.5,
      NaN,
      Infinity,
      2147483648,
      -2147483649,
      4294967296,
      '7',
      null,
      undefined,
      true,
      7n,
      [7],
      {},
    ];
    const codes = wrong.map((backlog) => {
      try {
        s.listen(fd, backlog as number);
        return 'called';
      } catch (error) {
        return (error as { code: string }).code;
      }
    });
    s.listen(fd, 1234);
    return { codes, fd };
  });
  assert.ok(result.codes.every((code) => code === 'ERR_INVALID_ARG_TYPE' || code === 'ERR_OUT_OF_RANGE'));
  const listens = calls.filter((line) => line.startsWith('listen('));
  assert.equal(listens.length, 1);
  assert.match(listens[0] as string, new RegExp(`^listen\\(${result.fd}, 1234\\)\\s+= 0$`));
});

test('every call: strace sees none for a wrong argument', { skip: needsStrace() }, () => {
  const names =
    'bind,listen,accept4,connect,getsockname,getpeername,getsockopt,setsockopt,recvfrom,sendto,shutdown';
  const { calls } = traced(names, (_, s) => {
    const wrong = '7' as unknown as number;
    const attempts = [
      () => s.bind(wrong, { family: 'IPv4', address: '127.0.0.1', port: 0 }),
      () => s.bind(1000, { family: 'IPv4', address: 'localhost', port: 0 }),
      () => s.connect(1000, { family: 'IPv4', address: '127.0.0.1', port: 70_000 }),
      () => s.accept(wrong),
      () => s.accept(1000, wrong),
      () => s.getsockname(wrong),
      () => s.getpeername(wrong),
      () => s.getsockopt(1000, wrong, 1),
      () => s.getsockoptInt(1000, 1, wrong),
      () => s.setsockopt(1000, 1, 1, '1' as unknown as number),
      () => s.recv(1000, Buffer.alloc(1), wrong),
      () => s.recv(1000, '' as unknown as Buffer),
      () => s.send(1000, '' as unknown as Buffer),
      () => s.shutdown(1000, wrong),
    ];
    for (const attempt of attempts) {
      try {
        attempt();
      } catch (error) {
        if (error instanceof s.SystemCallError) throw error;
      }
    }
  });
  // A descriptor of 1000, or none: whatever else Node does with sockets of its own is not that.
  assert.deepEqual(
    calls.filter((line) => /^\w+\((1000|7),/.test(line)),
    [],
  );
});

test('close, dup: a wrong argument does not fall back to descriptor 0', () => {
  const { result } = inChild((_, s) => {
    for (const wrong of [undefined, null, NaN, '0', false, []]) {
      for (const call of [s.close, s.dup]) {
        try {
          call(wrong as unknown as number);
        } catch {
          continue;
        }
        return `${call.name}(${String(wrong)}) was called`;
      }
    }
    return s.poll([{ fd: 0, events: 0 }], 0).length;
  });
  assert.equal(result, 0);
});
