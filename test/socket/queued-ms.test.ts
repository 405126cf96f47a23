import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptLoop, connect, Connection, listen } from 'listenq';
import * as c from 'listenq/syscalls';
import { closeAll, portOf } from '../support/sockets';

/** Blocks this thread, and with it whatever would accept. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test('queuedMs: as long as the connection stood in the queue, whenever it is asked', () => {
  const listener = listen({ host: '127.0.0.1' });
  const client = connect({ host: '127.0.0.1', port: portOf(listener.address()) });
  pause(300);
  const accepted = listener.accept();
  const atOnce = accepted.queuedMs();
  pause(500);
  const later = accepted.queuedMs();
  for (const waited of [atOnce, later]) {
    // It stood there for 300 ms at least; the kernel counts in ticks, of 10 ms at most, and not past accept(2).
    assert.ok(waited !== undefined && waited >= 280 && waited < 300 + 500, `${waited} ms`);
  }
  closeAll([client, accepted, listener]);
});

test('queuedMs: of an accept loop it is the time until the connection was taken', async () => {
  const loop = acceptLoop({ host: '127.0.0.1' }, { highWaterMark: 1 });
  const [listener] = loop.listeners;
  const client = connect({ host: '127.0.0.1', port: portOf(listener?.address() as never) });
  pause(300);
  const accepted = await loop.accept();
  const waited = accepted.queuedMs();
  assert.ok(waited !== undefined && waited >= 280, `${waited} ms`);
  closeAll([client, accepted]);
  await loop.close();
});

test('queuedMs: undefined once anything has been sent', () => {
  const listener = listen({ host: '127.0.0.1' });
  const client = connect({ host: '127.0.0.1', port: portOf(listener.address()) });
  const accepted = listener.accept();
  assert.equal(typeof accepted.queuedMs(), 'number');
  accepted.sendAll('x');
  assert.equal(accepted.queuedMs(), undefined);
  closeAll([client, accepted, listener]);
});

test('queuedMs: undefined of AF_UNIX, of a client, and of an adopted descriptor', () => {
  const listener = listen({ path: '\0listenq-queued' });
  const client = connect({ path: '\0listenq-queued' });
  const accepted = listener.accept();
  assert.equal(accepted.queuedMs(), undefined);
  const tcp = listen({ host: '127.0.0.1' });
  const end = connect({ host: '127.0.0.1', port: portOf(tcp.address()) });
  assert.equal(end.queuedMs(), undefined);
  const adopted = Connection.from(c.accept(tcp.fd).fd);
  assert.equal(adopted.queuedMs(), undefined);
  closeAll([client, accepted, listener, end, adopted, tcp]);
});
