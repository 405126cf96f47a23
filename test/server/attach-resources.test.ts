import assert from 'node:assert/strict';
import * as net from 'node:net';
import { test } from 'node:test';
import { listen, type Listener } from 'listenq';
import { acceptLoopOf, type AttachOptions } from 'listenq/server';
import { sleep, threads } from '../accept-loop/support';
import { until } from '../support/until';
import { inChild } from '../support/child';
import { openDescriptors } from '../support/machine';
import { Client, withAttached } from './side-by-side';

const LOOPBACK = { port: 0, host: '127.0.0.1' };
const threadsAtFirst = threads();

async function serveOne(where: AttachOptions | Listener = LOOPBACK): Promise<void> {
  await withAttached(
    net.createServer((socket) => socket.pipe(socket)),
    async (server, port) => {
      assert.equal(threads(), threadsAtFirst + 1);
      const client = Client.to(port, 'hello');
      await client.has(/hello/);
      const { accepted, delivered, waiting } = acceptLoopOf(server)?.stats() ?? {};
      assert.deepEqual({ accepted, delivered, waiting }, { accepted: 1, delivered: 1, waiting: 0 });
      client.socket.end();
      await client.all();
    },
    {},
    where,
  );
  await until(() => threads() === threadsAtFirst, 'the thread has ended');
}

test('attach: one thread while it listens; after close() threads and descriptors are as before', async () => {
  // The first one leaves what every later one uses.
  await serveOne();
  // Of those that are being closed, the last may still be there.
  await sleep(100);
  const before = openDescriptors();
  for (let i = 0; i < 3; i++) await serveOne();
  await serveOne(listen(LOOPBACK));
  await serveOne({ ...LOOPBACK, deferAcceptSeconds: 1 });
  await until(() => openDescriptors().length <= before.length, 'no descriptor more than before');
});

test('attach: a server that is unref()ed lets the process end; ref() keeps it', () => {
  const { result } = inChild(() => {
    const { attach } = require('listenq/server') as typeof import('listenq/server');
    const { createServer } = require('node:net') as typeof import('node:net');
    const where = { port: 0, host: '127.0.0.1' };
    attach(createServer().unref(), where);
    const [free, held] = [attach(createServer(), where), attach(createServer(), where)];
    return new Promise<string>((resolve) => {
      held.once('listening', () => {
        free.unref();
        held.unref();
        held.ref();
        // Never, if the process ends before.
        setTimeout(() => {
          held.close();
          resolve('was held');
        }, 100).unref();
      });
    });
  });
  assert.equal(result, 'was held');
});
