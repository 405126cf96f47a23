import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { acceptLoop, listen, type AcceptOptions, type CloseOptions } from 'listenq';
import { openDescriptors, privateNetwork } from '../support/machine';
import { threads, withLoop } from './support';

const skip = privateNetwork();
const LOCAL = { host: '127.0.0.1' };
const TYPE = 'ERR_INVALID_ARG_TYPE';
const VALUE = 'ERR_INVALID_ARG_VALUE';
const RANGE = 'ERR_OUT_OF_RANGE';

type Row = [options: Record<string, unknown>, code: string, value: unknown];

function eachOf(name: string, values: unknown[], code: string): Row[] {
  return values.map((value) => [{ [name]: value }, code, value]);
}

const NO_NUMBER: unknown[] = ['7', null, true, {}, [1], 7n];
const NO_COUNT: unknown[] = [-1, 0.5, NaN, Infinity, 2147483648];
const COUNTS = ['highWaterMark', 'maxWaiting', 'maxConnections'];

const PRESSURE: [pressure: object, code: string, wrong: unknown][] = [
  ...[-0.1, 1.1, NaN].map((highRatio): [object, string, unknown] => [{ highRatio }, RANGE, highRatio]),
  [{ highRatio: '1' }, TYPE, '1'],
  [{ highRatio: 0.5, lowRatio: 0.5 }, VALUE, 0.5],
  [{ intervalMs: 0 }, RANGE, 0],
  [{ intervalMs: 0.5 }, RANGE, 0.5],
  [{ high: 1 }, VALUE, 1],
];

const OPTIONS: Row[] = [
  ...COUNTS.flatMap((name) => [...eachOf(name, NO_NUMBER, TYPE), ...eachOf(name, NO_COUNT, RANGE)]),
  ...eachOf('maxWaitMs', NO_NUMBER, TYPE),
  ...eachOf('maxWaitMs', [-1, NaN, 2147483648], RANGE),
  ...eachOf('overload', [5, null, true, {}, [1], new ArrayBuffer(3)], TYPE),
  ...eachOf('overload', ['drop', 'Wait', '', 'HTTP/1.1 503', Buffer.alloc(0)], VALUE),
  ...eachOf('blockList', [null, [], {}, '127.0.0.1', BlockList], TYPE),
  ...eachOf('signal', [null, {}, new AbortController(), 'abort', new EventTarget()], TYPE),
  ...eachOf('pressure', [null, 0.8, true, [1]], TYPE),
  ...PRESSURE.map(([value, code, wrong]): Row => [{ pressure: value }, code, wrong]),
  ...eachOf('highWatermark', [5], VALUE),
  ...eachOf('timeoutMs', [5], VALUE),
  [{ highWaterMark: 5, maxWaiting: 6 }, VALUE, 6],
  [{ overload: 'reset' }, VALUE, 'reset'],
  [{ overload: 'close', highWaterMark: 2 }, VALUE, 'close'],
  [{ highWaterMark: 0, maxWaiting: 1, overload: 'reset' }, VALUE, 1],
];

/** The error, the value in it, and neither a descriptor nor a thread more than before. */
function refused(call: () => unknown, code: string, value: unknown, what: string): void {
  const before = [openDescriptors(), threads()];
  const isRight = (error: unknown): true => {
    assert.ok(error instanceof Error);
    const name = code === RANGE ? 'RangeError' : 'TypeError';
    assert.deepEqual(
      [error.name, (error as { code?: string }).code],
      [name, code],
      `${what}: ${error.message}`,
    );
    const shown = typeof value === 'object' || typeof value === 'function' ? 'Received' : inspect(value);
    assert.ok(error.message.includes(shown), `${what}: ${error.message} does not show ${shown}`);
    return true;
  };
  assert.throws(call, isRight, what);
  assert.deepEqual([openDescriptors(), threads()], before, what);
}

test(
  `acceptLoop: ${OPTIONS.length} wrong options, each with its class, code and value; nothing is started`,
  { skip },
  () => {
    const listener = listen(LOCAL);
    for (const [options, code, value] of OPTIONS) {
      refused(() => acceptLoop(LOCAL, options), code, value, inspect(options));
      refused(() => acceptLoop(listener, options), code, value, inspect(options));
    }
    for (const value of [null, 5, 'x', true, []]) {
      refused(() => acceptLoop(LOCAL, value as never), TYPE, value, inspect(value));
    }
    assert.equal(listener.closed, false);
    listener.close();
  },
);

test(
  'acceptLoop: an option of the loop among those of listen, and a handle, are told where they belong',
  { skip },
  () => {
    const misplaced = { ...LOCAL, highWaterMark: 3 };
    assert.throws(() => acceptLoop(misplaced), {
      code: VALUE,
      message: /^source\.highWaterMark .*second argument.*\(3\)/,
    });
    const listener = listen(LOCAL);
    assert.throws(() => acceptLoop(listener.share() as never), {
      code: VALUE,
      message: /Listener\.from\(handle\)/,
    });
    listener.close();
  },
);

test('acceptLoop: undefined is left out, whatever the option', { skip }, async () => {
  const names = ['overload', 'maxWaitMs', 'blockList', 'signal', ...COUNTS];
  await withLoop(LOCAL, Object.fromEntries(names.map((name) => [name, undefined])), (loop) => {
    assert.ok(loop.highWaterMark > 0);
  });
});

test('acceptLoop: wrong sources; listeners that were given stay open', { skip }, () => {
  const open = listen(LOCAL);
  const rows: [source: unknown, code: string, value: unknown][] = [
    ...[null, 5, 'x', true, undefined].map((value): [unknown, string, unknown] => [value, TYPE, value]),
    [[], VALUE, []],
    [[5], TYPE, 5],
    [[open, LOCAL], TYPE, LOCAL],
    [[open, open], VALUE, open],
    [{ port: 0, backlog: '5' }, TYPE, '5'],
    [{ prot: 5 }, VALUE, 5],
  ];
  for (const [source, code, value] of rows) {
    refused(() => acceptLoop(source as never), code, value, inspect(source));
  }
  assert.equal(open.closed, false);
  open.close();
});

test('acceptLoop: a closed, released or detached listener; the others stay open', { skip }, () => {
  const open = listen(LOCAL);
  for (const end of ['close', 'release', 'detach'] as const) {
    const ended = listen(LOCAL);
    const fd = ended[end]();
    const before = openDescriptors();
    for (const source of [ended, [open, ended]]) {
      assert.throws(() => acceptLoop(source), { code: 'ERR_LISTENER_CLOSED' });
    }
    assert.deepEqual(openDescriptors(), before);
    if (fd !== undefined) listen({ fd }).close();
  }
  assert.equal(open.closed, false);
  open.close();
});

test('acceptLoop: what listen refuses is thrown at once', { skip }, () => {
  const first = listen(LOCAL);
  const { port } = first.address() as { port: number };
  const before = [openDescriptors(), threads()];
  assert.throws(() => acceptLoop({ ...LOCAL, port }), { code: 'EADDRINUSE', syscall: 'bind' });
  assert.deepEqual([openDescriptors(), threads()], before);
  first.close();
});

test('accept, close, setBacklog: wrong arguments; the loop is as before', { skip }, async () => {
  await withLoop({ ...LOCAL, backlog: 3 }, {}, async (loop) => {
    for (const value of [null, 5, 'x', [], { signal: 5 }, { signal: null }]) {
      await assert.rejects(loop.accept(value as AcceptOptions), { code: TYPE });
    }
    await assert.rejects(loop.accept({ timeoutMs: 5 } as AcceptOptions), { code: VALUE });
    for (const value of [null, 5, 'x', [], { drain: 1 }, { drain: null }, { timeoutMs: '5' }]) {
      await assert.rejects(loop.close(value as CloseOptions), { code: TYPE });
    }
    for (const timeoutMs of [-1, NaN]) await assert.rejects(loop.close({ timeoutMs }), { code: RANGE });
    await assert.rejects(loop.close({ drian: true } as CloseOptions), { code: VALUE });
    for (const value of [undefined, '5', null])
      assert.throws(() => loop.setBacklog(value as never), { code: TYPE });
    for (const value of [0.5, NaN, 2147483648]) assert.throws(() => loop.setBacklog(value), { code: RANGE });
    assert.deepEqual([loop.closed, loop.listeners[0]?.queue().limit], [false, 3]);
  });
});
