import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inChild } from '../support/child';
import type { ListenCall } from 'listenq/lab';

/** Whether this kernel lets a process watch itself; a child tries, as the filter stays. */
const skip = inChild(() => {
  const { observeListen } = require('listenq/lab') as typeof import('listenq/lab');
  try {
    observeListen();
    return '';
  } catch (error) {
    return `needs seccomp user notifications: ${(error as Error).message}`;
  }
}).result;

const options = skip === '' ? {} : { skip };

test(
  'observeListen: the integers that net.Server and listen hand over, with thread and descriptor',
  options,
  () => {
    const { result } = inChild(async (q) => {
      const { observeListen } = require('listenq/lab') as typeof import('listenq/lab');
      const net = require('node:net') as typeof import('node:net');
      const observer = observeListen();
      const fds: number[] = [];
      for (const backlog of [0, -1, 2147483647, -2147483648]) {
        const listener = q.listen({ host: '127.0.0.1', backlog });
        fds.push(listener.fd);
        listener.close();
      }
      const server = net.createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 0, resolve));
      server.close();
      return { calls: observer.take(), again: observer.take(), fds, pid: process.pid };
    });
    assert.deepEqual(
      result.calls.map((call: ListenCall) => call.backlog),
      [0, -1, 2147483647, -2147483648, 511],
    );
    assert.deepEqual(
      result.calls.slice(0, 4).map((call: ListenCall) => call.fd),
      result.fds,
    );
    assert.ok(result.calls.every((call: ListenCall) => call.threadId === result.pid));
    assert.deepEqual(result.again, []);
  },
);

test('observeListen: sees threads and processes that are started later', options, () => {
  const { result } = inChild(async () => {
    const { observeListen } = require('listenq/lab') as typeof import('listenq/lab');
    const { Worker } = require('node:worker_threads') as typeof import('node:worker_threads');
    const { spawnSync } = require('node:child_process') as typeof import('node:child_process');
    const observer = observeListen();
    const program = `require('node:net').createServer().listen(0, '127.0.0.1', 77, function () { this.close(); })`;
    await new Promise((resolve) => new Worker(program, { eval: true }).once('exit', resolve));
    spawnSync(process.execPath, ['-e', program.replace('77', '78')]);
    return { calls: observer.take(), pid: process.pid };
  });
  assert.deepEqual(
    result.calls.map((call: ListenCall) => call.backlog),
    [77, 78],
  );
  assert.ok(result.calls.every((call: ListenCall) => call.threadId !== result.pid));
});

test('observeListen: a call that the kernel refuses is seen, and refused', options, () => {
  const { result } = inChild((_, s) => {
    const { observeListen } = require('listenq/lab') as typeof import('listenq/lab');
    const observer = observeListen();
    let code = '';
    try {
      s.listen(-1, 5);
    } catch (error) {
      code = (error as { code: string }).code;
    }
    let refused = 0;
    for (const wrong of [0.5, NaN, '7', 2 ** 31]) {
      try {
        s.listen(-1, wrong as number);
      } catch {
        refused++;
      }
    }
    return { code, refused, calls: observer.take().map(({ fd, backlog }) => [fd, backlog]) };
  });
  assert.deepEqual(result, { code: 'EBADF', refused: 4, calls: [[-1, 5]] });
});
