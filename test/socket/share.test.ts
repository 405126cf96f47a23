import assert from 'node:assert/strict';
import { test } from 'node:test';
import { interrupt, listen, Listener, type ListenerHandle } from 'listenq';
import * as c from 'listenq/syscalls';
import { inChild } from '../support/child';
import { openDescriptors, privateNetwork } from '../support/machine';
import { beginConnect, beginConnects, closeAll, targetOf } from '../support/sockets';
import { inWorker } from '../support/worker';

const skip = privateNetwork();

test('share, Listener.from: a copy of the same socket, with a number of its own', { skip }, () => {
  const listener = listen({ host: '127.0.0.1', backlog: -3 });
  const handle = listener.share();
  assert.deepEqual(structuredClone(handle), handle);
  const copy = Listener.from(structuredClone(handle));
  assert.notEqual(copy.fd, listener.fd);
  assert.equal(targetOf(copy.fd), targetOf(listener.fd));
  assert.equal(copy.backlog, -3);
  assert.deepEqual(copy.address(), listener.address());
  assert.match(JSON.stringify(handle), /^\{"type":"listenq.Listener","token":"[0-9a-f]{16}","backlog":-3\}$/);
  const clients = beginConnects(listener.address(), 2);
  closeAll([copy.accept(), listener.accept(), ...clients]);
  listener.close();
  assert.equal(copy.closed, true);
  assert.equal(copy.fd, -1);
  assert.throws(() => copy.accept(), { code: 'ERR_LISTENER_CLOSED' });
});

test('release: ends its own copy only; the last one ends the listener', { skip }, () => {
  const before = openDescriptors();
  const listener = listen({ host: '127.0.0.1', port: 8321 });
  const copy = Listener.from(listener.share());
  listener.release();
  listener.release();
  assert.deepEqual([listener.closed, listener.fd, copy.closed], [true, -1, false]);
  const client = beginConnect({ family: 'IPv4', address: '127.0.0.1', port: 8321 });
  closeAll([copy.accept({ timeoutMs: 5000 }), client]);
  assert.throws(() => listener.accept(), { code: 'ERR_LISTENER_CLOSED' });
  // A released object's close() is not the listener's.
  listener.close();
  assert.equal(copy.closed, false);
  const handle = copy.share();
  copy.release();
  assert.throws(() => Listener.from(handle), { code: 'ERR_LISTENER_CLOSED' });
  assert.deepEqual(openDescriptors(), before);
});

test('detach: of one copy leaves the others', { skip }, () => {
  const listener = listen({ host: '127.0.0.1' });
  const copy = Listener.from(listener.share());
  const fd = listener.detach();
  assert.equal(copy.closed, false);
  copy.close();
  const client = beginConnect(c.getsockname(fd));
  closeAll([c.accept(fd).fd, client, fd]);
});

test(
  'Listener.from: an old handle, one of another process and a made-up one are ERR_LISTENER_CLOSED',
  { skip },
  () => {
    const listener = listen({ host: '127.0.0.1' });
    const handle = listener.share();
    const foreign = inChild(
      (q, _, given: ListenerHandle) => {
        const own = q.listen({ host: '127.0.0.1' });
        try {
          q.Listener.from(given);
          return 'taken';
        } catch (error) {
          return [(error as { code: string }).code, own.share().token === given.token];
        }
      },
      { data: handle },
    );
    assert.deepEqual(foreign.result, ['ERR_LISTENER_CLOSED', false]);
    const other = listen({ host: '127.0.0.1' });
    listener.close();
    for (const token of [handle.token, '0000000000000000', 'ffffffffffffffff']) {
      assert.throws(() => Listener.from({ ...handle, token }), {
        name: 'Error',
        code: 'ERR_LISTENER_CLOSED',
      });
    }
    assert.throws(() => listener.share(), { code: 'ERR_LISTENER_CLOSED' });
    other.close();
  },
);

test('Listener.from: what share did not make is refused, and leaves nothing open', { skip }, () => {
  const listener = listen({ host: '127.0.0.1' });
  const handle = listener.share();
  const before = openDescriptors();
  const wrong: [unknown, string][] = [
    [undefined, 'ERR_INVALID_ARG_TYPE'],
    [null, 'ERR_INVALID_ARG_TYPE'],
    ['x', 'ERR_INVALID_ARG_TYPE'],
    [listener.fd, 'ERR_INVALID_ARG_TYPE'],
    [[], 'ERR_INVALID_ARG_TYPE'],
    [{}, 'ERR_INVALID_ARG_VALUE'],
    [{ ...handle, type: 'Listener' }, 'ERR_INVALID_ARG_VALUE'],
    [{ ...handle, token: 5 }, 'ERR_INVALID_ARG_VALUE'],
    [{ ...handle, token: '' }, 'ERR_INVALID_ARG_VALUE'],
    [{ ...handle, token: `${handle.token}0` }, 'ERR_INVALID_ARG_VALUE'],
    [{ ...handle, token: handle.token.toUpperCase().replace(/./, 'G') }, 'ERR_INVALID_ARG_VALUE'],
    [{ ...handle, token: `${handle.token}\n` }, 'ERR_INVALID_ARG_VALUE'],
    [{ ...handle, backlog: '5' }, 'ERR_INVALID_ARG_TYPE'],
    [{ ...handle, backlog: 0.5 }, 'ERR_OUT_OF_RANGE'],
  ];
  for (const [value, code] of wrong) {
    assert.throws(() => Listener.from(value as ListenerHandle), { code }, JSON.stringify(value));
  }
  assert.deepEqual(openDescriptors(), before);
  listener.close();
});

test('accept in a worker: takes what this thread queued, and the other way round', { skip }, async () => {
  const listener = listen({ host: '127.0.0.1' });
  const other = inWorker((q, _, handle: ListenerHandle, { say }) => {
    const copy = q.Listener.from(handle);
    say('ready');
    const connection = copy.accept();
    connection.sendAll(`to ${(connection.remoteAddress as { port: number }).port}`);
    connection.close();
    copy.release();
  }, listener.share());
  assert.equal(await other.heard(), 'ready');
  const client = beginConnect(listener.address());
  c.setNonblocking(client, false);
  const buffer = Buffer.alloc(64);
  const text = buffer.toString('utf8', 0, c.recv(client, buffer));
  assert.equal(text, `to ${(c.getsockname(client) as { port: number }).port}`);
  assert.equal(await other.ended, 0);
  assert.equal(listener.closed, false);
  closeAll([client, listener]);
});

const WAITS = {
  'accept()': (
    q: typeof import('listenq'),
    _: unknown,
    handle: never,
    { say }: { say: (m: unknown) => void },
  ) => {
    const copy = q.Listener.from(handle);
    say('ready');
    try {
      copy.accept();
      say('accepted');
    } catch (error) {
      say([(error as { code: string }).code, copy.closed, copy.fd]);
    }
  },
  'accept({ timeoutMs })': (
    q: typeof import('listenq'),
    _: unknown,
    handle: never,
    { say }: { say: (m: unknown) => void },
  ) => {
    const copy = q.Listener.from(handle);
    say('ready');
    try {
      copy.accept({ timeoutMs: 60_000 });
      say('accepted');
    } catch (error) {
      say([(error as { code: string }).code, copy.closed, copy.fd]);
    }
  },
  'acceptMany()': (
    q: typeof import('listenq'),
    _: unknown,
    handle: never,
    { say }: { say: (m: unknown) => void },
  ) => {
    const copy = q.Listener.from(handle);
    say('ready');
    try {
      copy.acceptMany(100);
      say('accepted');
    } catch (error) {
      say([(error as { code: string }).code, copy.closed, copy.fd]);
    }
  },
};

for (const [name, body] of Object.entries(WAITS)) {
  test(`close: wakes four workers in ${name}, which throw ERR_LISTENER_CLOSED`, { skip }, async () => {
    const before = openDescriptors().filter((fd) => targetOf(fd).startsWith('socket:'));
    const listener = listen({ host: '127.0.0.1' });
    const workers = Array.from({ length: 4 }, () => inWorker(body, listener.share()));
    for (const worker of workers) assert.equal(await worker.heard(), 'ready');
    await new Promise((resolve) => setTimeout(resolve, 100));
    listener.close();
    for (const worker of workers) assert.deepEqual(await worker.heard(), ['ERR_LISTENER_CLOSED', true, -1]);
    await Promise.all(workers.map((worker) => worker.ended));
    assert.deepEqual(
      openDescriptors().filter((fd) => targetOf(fd).startsWith('socket:')),
      before,
    );
  });
}

test('close: by a worker ends the wait of this thread and of a for-of elsewhere', { skip }, async () => {
  const listener = listen({ host: '127.0.0.1' });
  const looping = inWorker((q, _, handle: ListenerHandle, { say }) => {
    say('ready');
    let count = 0;
    for (const connection of q.Listener.from(handle)) {
      connection.close();
      count++;
    }
    say(['ended', count]);
  }, listener.share());
  assert.equal(await looping.heard(), 'ready');
  const closing = inWorker((q, _, handle: ListenerHandle) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    q.Listener.from(handle).close();
  }, listener.share());
  assert.throws(() => listener.accept(), { name: 'Error', code: 'ERR_LISTENER_CLOSED' });
  assert.deepEqual(await looping.heard(), ['ended', 0]);
  await Promise.all([looping.ended, closing.ended]);
});

test('N workers on one listener: every client is accepted once', { skip }, async () => {
  const listener = listen({ host: '127.0.0.1', backlog: 100 });
  const workers = Array.from({ length: 4 }, () =>
    inWorker((q, _, handle: ListenerHandle, { say }) => {
      const ports: number[] = [];
      say('ready');
      for (const connection of q.Listener.from(handle)) {
        ports.push((connection.remoteAddress as { port: number }).port);
        connection.close();
      }
      say(ports);
    }, listener.share()),
  );
  for (const worker of workers) await worker.heard();
  const clients = beginConnects(listener.address(), 60);
  const expected = clients.map((client) => (c.getsockname(client) as { port: number }).port);
  for (const client of clients) {
    c.setNonblocking(client, false);
    assert.equal(c.recv(client, Buffer.alloc(1)), 0);
  }
  listener.close();
  const ports = (await Promise.all(workers.map((worker) => worker.heard()))) as number[][];
  assert.deepEqual(ports.flat().sort(), expected.sort());
  await Promise.all(workers.map((worker) => worker.ended));
  closeAll(clients);
});

test('interrupt: ends the wait of one worker, which goes on with the same listener', { skip }, async () => {
  const listener = listen({ host: '127.0.0.1' });
  const other = inWorker((q, _, handle: ListenerHandle, { say }) => {
    const copy = q.Listener.from(handle);
    say('ready');
    try {
      copy.accept();
    } catch (error) {
      say((error as { code: string }).code);
    }
    copy.accept().close();
    say('accepted');
    copy.release();
  }, listener.share());
  assert.equal(await other.heard(), 'ready');
  const { threadId } = other.worker;
  assert.equal(interrupt(threadId), true);
  assert.equal(await other.heard(), 'ERR_INTERRUPTED');
  const client = beginConnect(listener.address());
  assert.equal(await other.heard(), 'accepted');
  await other.ended;
  assert.equal(interrupt(threadId), false, 'the thread is gone');
  assert.equal(other.worker.threadId, -1);
  assert.equal(interrupt(other.worker.threadId), false, 'and says so by its number');
  closeAll([client, listener]);
});
