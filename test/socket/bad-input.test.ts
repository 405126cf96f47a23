import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import {
  connect,
  Connection,
  interrupt,
  listen,
  listenDualStack,
  type ConnectOptions,
  type DualStackOptions,
  type ListenOptions,
} from 'listenq';
import * as c from 'listenq/syscalls';
import { openDescriptors } from '../support/machine';

type Name = 'TypeError' | 'RangeError';
const TYPE = 'ERR_INVALID_ARG_TYPE';
const VALUE = 'ERR_INVALID_ARG_VALUE';
const RANGE = 'ERR_OUT_OF_RANGE';
const PORT = 'ERR_SOCKET_BAD_PORT';

/** Class and code, the value in the message, and as many descriptors as before. */
function refused(call: () => unknown, code: string, value: unknown, what: string): void {
  const before = openDescriptors();
  const name: Name = code === RANGE || code === PORT ? 'RangeError' : 'TypeError';
  assert.throws(
    call,
    (error: unknown) => {
      assert.ok(error instanceof Error);
      assert.deepEqual(
        [error.name, (error as { code?: string }).code],
        [name, code],
        `${what}: ${error.message}`,
      );
      const shown = typeof value === 'object' || typeof value === 'function' ? 'Received' : inspect(value);
      assert.ok(
        error.message.includes(shown.slice(0, 140)),
        `${what}: ${error.message} does not show ${shown}`,
      );
      return true;
    },
    what,
  );
  assert.deepEqual(openDescriptors(), before, what);
}

const NO_NUMBER: unknown[] = ['7', null, true, {}, [1], 7n, Symbol('n'), () => 1];
const NO_INT32: unknown[] = [0.5, NaN, Infinity, -Infinity, 2147483648, -2147483649, 4294967296];
const NO_BOOLEAN: unknown[] = [0, 1, 'true', null, {}, []];
const NO_STRING: unknown[] = [0, null, true, {}, [], Buffer.from('x'), new URL('http://localhost')];
const NO_OBJECT: unknown[] = [null, 5, 'x', true, [], Symbol('o')];

function eachOf(name: string, values: unknown[], code: string): [Record<string, unknown>, string, unknown][] {
  return values.map((value) => [{ [name]: value }, code, value]);
}

const COUNTS = [
  'deferAcceptSeconds',
  'fastOpenQueue',
  'receiveBuffer',
  'sendBuffer',
  'incomingCpu',
  'userTimeoutMs',
];
const FLAGS = ['reuseAddress', 'reusePort', 'ipv6Only', 'freebind', 'transparent', 'mptcp'];

const LISTEN: [options: Record<string, unknown>, code: string, value: unknown][] = [
  ...eachOf('backlog', NO_NUMBER, TYPE),
  ...eachOf('backlog', NO_INT32, RANGE),
  ...eachOf('port', NO_NUMBER, TYPE),
  ...eachOf('port', [-1, 65536, 0.5, NaN, Infinity], PORT),
  ...eachOf('host', NO_STRING, TYPE),
  ...eachOf('host', ['', '127.0.0.1\0', 'localhost\0.example'], VALUE),
  ...FLAGS.flatMap((name) => eachOf(name, NO_BOOLEAN, TYPE)),
  ...[...COUNTS, 'mark'].flatMap((name) => eachOf(name, NO_NUMBER, TYPE)),
  ...COUNTS.flatMap((name) => eachOf(name, [-1, 0.5, NaN, 2147483648], RANGE)),
  ...eachOf('mark', [-1, 0.5, 4294967296], RANGE),
  ...eachOf('bindToDevice', NO_STRING, TYPE),
  ...eachOf('bindToDevice', ['', 'a'.repeat(16), 'lo\0', 'lo\0x'], VALUE),
  ...eachOf('path', NO_STRING, TYPE),
  ...eachOf('path', ['', '/a\0b', 'p'.repeat(108), `\0${'p'.repeat(108)}`, 'é'.repeat(54)], VALUE),
  ...eachOf('fd', NO_NUMBER, TYPE),
  ...eachOf('fd', [-1, 0.5, NaN, 2147483648], RANGE),
  [{ host: '127.0.0.1', ipv6Only: true }, VALUE, true],
  [{ path: '\0x', port: 5 }, VALUE, 5],
  [{ path: '\0x', host: 'localhost' }, VALUE, 'localhost'],
  [{ path: '\0x', mptcp: false }, VALUE, false],
  [{ path: '\0x', ipv6Only: false }, VALUE, false],
  [{ path: '\0x', reusePort: true }, VALUE, true],
  [{ path: '\0x', deferAcceptSeconds: 1 }, VALUE, 1],
  [{ path: '\0x', seqpacket: 1 }, TYPE, 1],
  [{ path: '\0x', mode: 0o600 }, VALUE, 0o600],
  [{ path: '/tmp/listenq-never', mode: '600' }, TYPE, '600'],
  [{ path: '/tmp/listenq-never', mode: 0o1000 }, RANGE, 0o1000],
  [{ path: '/tmp/listenq-never', mode: -1 }, RANGE, -1],
  [{ path: '/tmp/listenq-never', backlog: '5' }, TYPE, '5'],
  [{ port: 1, seqpacket: true }, VALUE, true],
  [{ port: 1, mode: 0o600 }, VALUE, 0o600],
  [{ fd: 0, port: 1 }, VALUE, 1],
  [{ fd: 0, path: '/x' }, VALUE, '/x'],
  [{ fd: 0, reuseAddress: true }, VALUE, true],
  [{ fd: 0, mptcp: true }, VALUE, true],
];

test(`listen: ${LISTEN.length} wrong options, each with its class, code and value`, () => {
  for (const [options, code, value] of LISTEN) {
    refused(() => listen(options), code, value, inspect(options));
  }
  for (const value of NO_OBJECT) refused(() => listen(value as ListenOptions), TYPE, value, inspect(value));
});

test('listen: undefined is left out, whatever the option', () => {
  const names = [
    ...FLAGS,
    ...COUNTS,
    'mark',
    'bindToDevice',
    'port',
    'host',
    'path',
    'fd',
    'backlog',
    'seqpacket',
    'mode',
  ];
  listen(Object.fromEntries(names.map((name) => [name, undefined]))).close();
});

test('listenDualStack: wrong options', () => {
  const rows: [Record<string, unknown>, string, unknown][] = [
    ...LISTEN.filter(([options]) => !['path', 'fd', 'ipv6Only'].some((name) => name in options)).filter(
      ([options]) => !('seqpacket' in options || 'mode' in options),
    ),
    [{ path: '/x' }, VALUE, '/x'],
    [{ fd: 0 }, VALUE, 0],
    [{ ipv6Only: true }, VALUE, true],
    [{ seqpacket: false }, VALUE, false],
    [{ mode: 0 }, VALUE, 0],
    [{ host: '127.0.0.1' }, VALUE, '127.0.0.1'],
    [{ host: '::1' }, VALUE, '::1'],
  ];
  for (const [options, code, value] of rows) {
    refused(() => listenDualStack(options), code, value, inspect(options));
  }
  for (const value of NO_OBJECT)
    refused(() => listenDualStack(value as DualStackOptions), TYPE, value, inspect(value));
});

const CONNECT: [options: Record<string, unknown>, code: string, value: unknown][] = [
  [{}, TYPE, undefined],
  ...eachOf('port', NO_NUMBER, TYPE),
  ...eachOf('port', [-1, 65536, 0.5, NaN], PORT),
  ...NO_STRING.map((host): [Record<string, unknown>, string, unknown] => [{ port: 1, host }, TYPE, host]),
  [{ port: 1, host: '' }, VALUE, ''],
  [{ port: 1, host: '127.0.0.1\0' }, VALUE, '127.0.0.1\0'],
  [{ port: 1, seqpacket: true }, VALUE, true],
  [{ port: 1, timeoutMs: '5' }, TYPE, '5'],
  [{ port: 1, timeoutMs: null }, TYPE, null],
  [{ port: 1, timeoutMs: -1 }, RANGE, -1],
  [{ port: 1, timeoutMs: NaN }, RANGE, NaN],
  ...NO_STRING.map((it): [Record<string, unknown>, string, unknown] => [
    { port: 1, localAddress: it },
    TYPE,
    it,
  ]),
  ...['', 'localhost', '127.1', '::1%lo', '127.0.0.1\0'].map(
    (it): [Record<string, unknown>, string, unknown] => [{ port: 1, localAddress: it }, VALUE, it],
  ),
  [{ port: 1, host: '127.0.0.1', localAddress: '::1' }, VALUE, '::1'],
  [{ port: 1, localPort: '1' }, TYPE, '1'],
  [{ port: 1, localPort: 65536 }, PORT, 65536],
  ...eachOf('path', NO_STRING, TYPE),
  ...eachOf('path', ['', '/a\0b', 'p'.repeat(108), `\0${'p'.repeat(108)}`], VALUE),
  [{ path: '/x', port: 1 }, VALUE, 1],
  [{ path: '/x', host: 'h' }, VALUE, 'h'],
  [{ path: '/x', localPort: 1 }, VALUE, 1],
  [{ path: '/x', localAddress: '::' }, VALUE, '::'],
  [{ path: '/x', seqpacket: 'yes' }, TYPE, 'yes'],
];

test(`connect: ${CONNECT.length} wrong options`, () => {
  for (const [options, code, value] of CONNECT) {
    refused(() => connect(options), code, value, inspect(options));
  }
  for (const value of [...NO_OBJECT, undefined]) {
    refused(() => connect(value as ConnectOptions), TYPE, value, inspect(value));
  }
});

type AnyCall = (...args: unknown[]) => unknown;
type Rows = [method: string, args: unknown[], code: string, value: unknown][];

const WAITS = (method: string, ...before: unknown[]): Rows => [
  ...[null, 5, 'x', []].map((value): Rows[number] => [method, [...before, value], TYPE, value]),
  [method, [...before, { timeoutMs: '5' }], TYPE, '5'],
  [method, [...before, { timeoutMs: null }], TYPE, null],
  [method, [...before, { timeoutMs: -1 }], RANGE, -1],
  [method, [...before, { timeoutMs: NaN }], RANGE, NaN],
];

const OPTIONS: Rows = [
  ['getOption', [null, 1], TYPE, null],
  ['getOption', [1, 0.5], RANGE, 0.5],
  ['getOption', ['SOL_SOCKET', 'SO_NO'], VALUE, 'SO_NO'],
  ['getOption', ['toString', 1], VALUE, 'toString'],
  ['getOption', [1, 3, -1], RANGE, -1],
  ['getOption', [1, 3, '4'], TYPE, '4'],
  ['setOption', [1, 2], TYPE, undefined],
  ['setOption', [1, 2, 'on'], TYPE, 'on'],
  ['setOption', [1, 2, 2 ** 31], RANGE, 2 ** 31],
  ['setOption', [1, 'valueOf', 1], VALUE, 'valueOf'],
];

const LISTENER: Rows = [
  ...WAITS('accept'),
  ...WAITS('acceptMany', 5),
  ...OPTIONS,
  ...NO_NUMBER.map((value): Rows[number] => ['acceptMany', [value], TYPE, value]),
  ...[0, -1, 0.5, NaN, 2 ** 31].map((value): Rows[number] => ['acceptMany', [value], RANGE, value]),
  ...[...NO_NUMBER, undefined].map((value): Rows[number] => ['setBacklog', [value], TYPE, value]),
  ...NO_INT32.map((value): Rows[number] => ['setBacklog', [value], RANGE, value]),
];

const CONNECTION: Rows = [
  ...WAITS('recv', 5),
  ...WAITS('recvExactly', 5),
  ...WAITS('send', 'x'),
  ...WAITS('sendAll', 'x'),
  ...OPTIONS,
  ...['5', null, undefined, {}, [1], new ArrayBuffer(4)].map((value): Rows[number] => [
    'recv',
    [value],
    TYPE,
    value,
  ]),
  ...[0, -1, 0.5, NaN, 2 ** 31].map((value): Rows[number] => ['recv', [value], RANGE, value]),
  ...NO_NUMBER.map((value): Rows[number] => ['recvExactly', [value], TYPE, value]),
  ...[-1, 0.5, NaN].map((value): Rows[number] => ['recvExactly', [value], RANGE, value]),
  ...['send', 'sendAll'].flatMap((method) =>
    [5, null, undefined, {}, [1], new ArrayBuffer(4)].map((value): Rows[number] => [
      method,
      [value],
      TYPE,
      value,
    ]),
  ),
  ['shutdown', [], TYPE, undefined],
  ['shutdown', [1], TYPE, 1],
  ['shutdown', ['SHUT_RD'], VALUE, 'SHUT_RD'],
  ['shutdown', ['Read'], VALUE, 'Read'],
  ['setTimeout', ['5'], TYPE, '5'],
  ['setTimeout', [-1], RANGE, -1],
  ['setTimeout', [NaN], RANGE, NaN],
  ['setNoDelay', [1], TYPE, 1],
  ['setKeepAlive', ['yes'], TYPE, 'yes'],
  ['setKeepAlive', [true, 5], TYPE, 5],
  ['setKeepAlive', [true, { idleSeconds: 0 }], RANGE, 0],
  ['setKeepAlive', [true, { intervalSeconds: 1.5 }], RANGE, 1.5],
  ['setKeepAlive', [true, { count: '3' }], TYPE, '3'],
];

test(`Listener: ${LISTENER.length} calls with wrong arguments; the backlog and the queue are as before`, () => {
  const listener = listen({ host: '127.0.0.1', backlog: 3 });
  for (const [method, args, code, value] of LISTENER) {
    const call = (listener as unknown as Record<string, AnyCall>)[method] as AnyCall;
    refused(() => call.apply(listener, args), code, value, `${method}(${inspect(args)})`);
  }
  assert.deepEqual([listener.backlog, listener.queue()], [3, { length: 0, limit: 3, drops: 0 }]);
  listener.close();
});

test(`Connection: ${CONNECTION.length} calls with wrong arguments; the stream is as before`, () => {
  const [a, b] = c.socketpair(c.AF_UNIX, c.SOCK_STREAM);
  const [connection, peer] = [Connection.from(a), Connection.from(b)];
  peer.sendAll('intact');
  for (const [method, args, code, value] of CONNECTION) {
    const call = (connection as unknown as Record<string, AnyCall>)[method] as AnyCall;
    refused(() => call.apply(connection, args), code, value, `${method}(${inspect(args)})`);
  }
  assert.equal(connection.recv(100).toString(), 'intact');
  connection.close();
  assert.equal(peer.recv(1).length, 0);
  peer.close();
});

test('Connection.from, interrupt: wrong arguments', () => {
  for (const value of [...NO_NUMBER, undefined]) {
    refused(() => Connection.from(value as number), TYPE, value, inspect(value));
    refused(() => interrupt(value as number), TYPE, value, inspect(value));
  }
  for (const value of [0.5, NaN, Infinity]) {
    refused(() => Connection.from(value), RANGE, value, inspect(value));
    refused(() => interrupt(value), RANGE, value, inspect(value));
  }
  refused(() => Connection.from(-1), RANGE, -1, '-1');
  refused(() => interrupt(-2), RANGE, -2, '-2');
});

test('listen, accept, connect, setKeepAlive: a mistyped option is refused by name, not left out', () => {
  const refusal = (name: string): object => ({
    code: 'ERR_INVALID_ARG_VALUE',
    message: new RegExp(`^options\\.${name} is not an option`),
  });
  assert.throws(() => listen({ host: '127.0.0.1', backLog: 5 } as object), refusal('backLog'));
  assert.throws(() => connect({ port: 1, hots: '127.0.0.1' } as object), refusal('hots'));
  const listener = listen({ host: '127.0.0.1' });
  assert.throws(() => listener.accept({ timeout: 50 } as object), refusal('timeout'));
  assert.throws(() => listener.acceptMany(1, { timeoutms: 5 } as object), refusal('timeoutms'));
  listener.close();
});
