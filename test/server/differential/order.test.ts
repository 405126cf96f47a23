import { once } from 'node:events';
import type * as net from 'node:net';
import { differential } from './support/differential';
import { closed, firstOf, turns, until } from './support/stage';

/** Keeps the loop busy for that long, so that clients queue. */
function busy(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

differential('listening: after the ticks and before the microtasks that listen() finds', async (stage) => {
  const { log } = stage;
  const server = stage.watched();
  log.marks('before');
  server.listen(0, '127.0.0.1', () => {
    log.note('callback');
    log.marks('in the callback');
  });
  log.marks('after');
  void Promise.resolve().then(() => log.note('promise'));
  await once(server, 'listening');
  log.note('once');
  await turns();
  await closed(server);
});

differential('error: after the ticks that listen() finds', async (stage) => {
  const { log } = stage;
  const port = await stage.listening(stage.createServer());
  const server = stage.watched();
  log.marks('before');
  server.listen(port, '127.0.0.1');
  log.marks('after');
  await once(server, 'error');
  await turns();
});

differential('close: after the ticks that close() finds', async (stage) => {
  const { log } = stage;
  const server = stage.watched();
  server.close();
  log.marks('never listened');
  await turns();
  await stage.listening(server);
  process.nextTick(() => log.note('tick before'));
  server.close(() => log.note('callback'));
  process.nextTick(() => log.note('tick after'));
  queueMicrotask(() => log.note('microtask'));
  await once(server, 'close');
  await turns();
});

differential('connection: ticks and microtasks of one come before the next', async (stage) => {
  const { log } = stage;
  const server = stage.createServer();
  let seen = 0;
  server.on('connection', () => {
    const which = ++seen;
    log.note('connection', which);
    process.nextTick(() => {
      log.note('tick', which);
      queueMicrotask(() => log.note('microtask of the tick', which));
    });
    queueMicrotask(() => {
      log.note('microtask', which);
      process.nextTick(() => log.note('tick of the microtask', which));
    });
    void Promise.resolve()
      .then(() => log.note('promise', which))
      .then(() => log.note('second promise', which));
  });
  const port = await stage.listening(server);
  // Their handshakes are over when connect(2) has returned: all wait when the loop turns.
  const clients = Array.from({ length: 5 }, () => stage.client(port));
  busy(30);
  await until(() => seen === clients.length);
  await turns();
  stage.release();
  await closed(server);
});

differential('connection: in the order in which the clients came', async (stage) => {
  const { log } = stage;
  const server = stage.createServer();
  const order: (number | undefined)[] = [];
  server.on('connection', (socket: net.Socket) => order.push(socket.remotePort));
  const port = await stage.listening(server);
  const clients: net.Socket[] = [];
  for (let i = 0; i < 30; i++) clients.push(await stage.connected(port));
  await until(() => order.length === clients.length);
  log.note(
    'order',
    order.map((one) => clients.findIndex((client) => client.localPort === one)),
  );
  stage.release();
  await closed(server);
});

differential('drop: ticks and microtasks of one come before the next', async (stage) => {
  const { log } = stage;
  const server = stage.createServer();
  server.maxConnections = 1;
  let seen = 0;
  const event = (name: string) => () => {
    const which = ++seen;
    log.note(name, which);
    process.nextTick(() => log.note('tick', which));
    queueMicrotask(() => log.note('microtask', which));
  };
  server.on('connection', event('connection')).on('drop', event('drop'));
  const port = await stage.listening(server);
  const clients = Array.from({ length: 4 }, () => stage.client(port));
  busy(30);
  await until(() => seen === clients.length);
  await turns();
  stage.release();
  await closed(server);
});

differential('connection: listeners are called with the server as this, in their order', async (stage) => {
  const { log } = stage;
  const server = stage.createServer(function (this: unknown) {
    log.note('first', this === server);
  });
  server.on('connection', function (this: unknown, ...values: unknown[]) {
    log.note('second', this === server, values.length);
  });
  server.prependListener('connection', () => log.note('prepended'));
  server.once('connection', () => log.note('once'));
  const port = await stage.listening(server);
  for (let i = 0; i < 2; i++) await Promise.all([once(server, 'connection'), stage.connected(port)]);
  stage.release();
  await closed(server);
});

differential('connection: without a listener it is accepted and counted', async (stage) => {
  const { log } = stage;
  const server = new stage.Server();
  stage.closeLater(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = await stage.connected((server.address() as net.AddressInfo).port);
  const count = (): number => (server as unknown as { _connections: number })._connections;
  await until(() => count() === 1);
  log.note('count', count(), client.readyState);
  client.destroy();
});

differential('listening: getConnections and address answer in it', async (stage) => {
  const { log } = stage;
  const server = stage.watched();
  server.on('listening', () => {
    log.note('in it', server.listening, typeof server.address());
    server.getConnections((error, count) => log.note('count', error, count));
  });
  server.listen(stage.path());
  await firstOf(server, 'listening');
  await turns();
  await closed(server);
});

differential('connection: an answer written in it reaches the client before close', async (stage) => {
  const { log } = stage;
  const server = stage.watched((socket: net.Socket) => {
    socket.end('served');
    log.events('socket', socket.resume(), 'end', 'finish', 'close');
  });
  const port = await stage.listening(server);
  const client = stage.client(port);
  let text = '';
  client.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await once(client, 'end');
  await until(() => (server as unknown as { _connections: number })._connections === 0);
  log.note('text', text);
  await closed(server);
});
