import assert from 'node:assert/strict';
import { getEventListeners, once } from 'node:events';
import { test } from 'node:test';
import { acceptLoop, listen } from 'listenq';
import * as c from 'listenq/syscalls';
import { openDescriptors, privateNetwork } from '../support/machine';
import { beginConnect, closeAll } from '../support/sockets';
import { until } from '../support/until';
import { addressOf, fateOf, sleep, withLoop } from './support';

const skip = privateNetwork();
const LOCAL = { host: '127.0.0.1' };
const REASON = new Error('the test says so');

test(
  'signal: an abort closes the loop; callers and iterations are rejected with its reason',
  { skip },
  async () => {
    const given = new AbortController();
    const listener = listen(LOCAL);
    const loop = acceptLoop(listener, { signal: given.signal });
    const client = beginConnect(addressOf(loop));
    await until(() => loop.stats().waiting === 1, 'one waits');
    loop.pause();
    const callers = [loop.accept(), loop.accept(), loop[Symbol.asyncIterator]().next()];
    ((await callers[0]) as { close: () => void }).close();
    const rejected = Promise.all(callers.slice(1).map((call) => assert.rejects(call, REASON)));
    const closed = once(loop, 'close');
    given.abort(REASON);
    await rejected;
    assert.deepEqual(await closed, [{ untaken: 0 }]);
    assert.deepEqual([loop.closed, listener.closed], [true, true]);
    await assert.rejects(loop.accept(), REASON);
    assert.deepEqual(await loop.close(), { untaken: 0 });
    c.close(client);
  },
);

test('signal: what nobody had taken is closed', { skip }, async () => {
  const given = new AbortController();
  const loop = acceptLoop(LOCAL, { signal: given.signal });
  const client = beginConnect(addressOf(loop));
  await until(() => loop.stats().waiting === 1, 'one waits');
  given.abort();
  assert.deepEqual(await loop.close(), { untaken: 1 });
  assert.equal(fateOf(client).then, 'end');
  c.close(client);
});

test(
  'signal: aborted before, throws its reason and starts nothing; the listener is as before',
  { skip },
  () => {
    const listener = listen(LOCAL);
    const before = openDescriptors();
    for (const source of [LOCAL, listener]) {
      assert.throws(() => acceptLoop(source, { signal: AbortSignal.abort(REASON) }), REASON);
    }
    assert.deepEqual(openDescriptors(), before);
    assert.equal(listener.closed, false);
    listener.close();
  },
);

test('signal: a closed loop has let go of it', { skip }, async () => {
  const given = new AbortController();
  const loop = acceptLoop(LOCAL, { signal: given.signal });
  assert.equal(getEventListeners(given.signal, 'abort').length, 1);
  await loop.close();
  assert.equal(getEventListeners(given.signal, 'abort').length, 0);
  given.abort();
});

test('accept({ signal }): an abort rejects that call alone, with the reason', { skip }, async () => {
  await withLoop(LOCAL, {}, async (loop) => {
    const given = new AbortController();
    const calls = [loop.accept(), loop.accept({ signal: given.signal }), loop.accept()] as const;
    given.abort(REASON);
    await assert.rejects(calls[1], REASON);
    const clients = [beginConnect(addressOf(loop)), beginConnect(addressOf(loop))];
    const taken = await Promise.all([calls[0], calls[2]]);
    assert.deepEqual(
      taken.map((connection) => connection.remoteAddress),
      clients.map((client) => c.getsockname(client)),
    );
    closeAll([...clients, ...taken]);
  });
});

test('accept({ signal }): aborted before, takes nothing', { skip }, async () => {
  await withLoop(LOCAL, {}, async (loop) => {
    const client = beginConnect(addressOf(loop));
    await until(() => loop.stats().waiting === 1, 'one waits');
    await assert.rejects(loop.accept({ signal: AbortSignal.abort(REASON) }), REASON);
    assert.equal(loop.stats().waiting, 1);
    closeAll([await loop.accept(), client]);
  });
});

test(
  'accept({ signal: AbortSignal.timeout }): gives up in time, and the loop goes on',
  { skip },
  async () => {
    await withLoop(LOCAL, {}, async (loop) => {
      await assert.rejects(loop.accept({ signal: AbortSignal.timeout(20) }), { name: 'TimeoutError' });
      const client = beginConnect(addressOf(loop));
      closeAll([await loop.accept(), client]);
    });
  },
);

test(
  'accept({ signal }): a call that is served, or ends with the loop, lets go of it',
  { skip },
  async () => {
    const given = new AbortController();
    const loop = acceptLoop(LOCAL);
    const call = loop.accept({ signal: given.signal });
    const client = beginConnect(addressOf(loop));
    closeAll([await call, client]);
    assert.equal(getEventListeners(given.signal, 'abort').length, 0);
    const last = loop.accept({ signal: given.signal });
    const rejected = assert.rejects(last, { code: 'ERR_LISTENER_CLOSED' });
    await loop.close();
    await rejected;
    assert.equal(getEventListeners(given.signal, 'abort').length, 0);
    given.abort();
    await sleep(1);
  },
);
