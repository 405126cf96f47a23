import { once } from 'node:events';
import * as net from 'node:net';
import { differential } from './support/differential';
import { closed, firstOf, turns } from './support/stage';

differential('close: before it listened', async (stage) => {
  const { log } = stage;
  const server = stage.watched();
  log.attempt('close', () => server.close() === server);
  log.marks('close');
  await turns();
  log.attempt('close with a callback', () => server.close((error) => log.note('callback', error)) === server);
  await turns();
});

for (const [name, callback] of Object.entries({ number: 5, null: null, string: 'x', object: {} }))
  differential(`close: a callback that is a ${name} is none`, async (stage) => {
    const server = stage.watched();
    await stage.listening(server);
    stage.log.attempt(
      'close',
      () => (server.close as (callback: unknown) => net.Server)(callback) === server,
    );
    await turns();
  });

differential('close: once it listens', async (stage) => {
  const { log } = stage;
  const server = stage.watched();
  await stage.listening(server);
  log.attempt('close', () => server.close((...values) => log.note('callback', ...values)) === server);
  log.note('at once', server.listening, server.address());
  process.nextTick(() => log.note('next tick'));
  queueMicrotask(() => log.note('microtask'));
  await once(server, 'close');
  log.note('then', server.listening, server.listenerCount('close'));
});

differential('close: twice, each with a callback', async (stage) => {
  const { log } = stage;
  const server = stage.watched();
  await stage.listening(server);
  log.attempt('first', () => server.close((...values) => log.note('first callback', ...values)) === server);
  log.attempt('second', () => server.close((...values) => log.note('second callback', ...values)) === server);
  await turns();
  log.attempt('third', () => server.close((...values) => log.note('third callback', ...values)) === server);
  await turns();
});

differential('close: in the turn of listen', async (stage) => {
  const { log } = stage;
  const server = stage.watched();
  server.listen(0, '127.0.0.1', () => log.note('listening callback'));
  server.close((...values) => log.note('callback', ...values));
  log.note('at once', server.listening);
  log.marks('close');
  await turns();
  log.note('then', server.listening, server.listenerCount('listening'));
});

differential("close: in 'listening'", async (stage) => {
  const { log } = stage;
  const server = stage.watched();
  server.on('listening', () => {
    log.attempt('close', () => server.close(() => log.note('callback')) === server);
    log.marks('close');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'close');
  await turns();
});

differential("close: in 'close'", async (stage) => {
  const { log } = stage;
  const server = stage.watched();
  await stage.listening(server);
  server.once('close', () => server.close((...values) => log.note('callback', ...values)));
  server.close();
  await turns();
});

differential("close: listens again, in 'close' and in the same turn", async (stage) => {
  const { log } = stage;
  const server = stage.watched();
  const port = await stage.listening(server);
  server.once('close', () => {
    log.attempt('listen', () => server.listen(port, '127.0.0.1') === server);
  });
  server.close();
  await once(server, 'listening');
  server.close();
  log.attempt('listen in the same turn', () => server.listen(port, '127.0.0.1') === server);
  log.note('at once', server.listening);
  log.marks('listen');
  await firstOf(server, 'listening', 'error');
  await turns();
  log.note('then', server.listening);
  await Promise.all([once(server, 'connection'), stage.connected(port)]);
  stage.release();
  await closed(server);
});

differential('close: its port is free at once', async (stage) => {
  const { log } = stage;
  for (const end of ['close', 'dispose'] as const) {
    const first = stage.createServer();
    const port = await stage.listening(first);
    if (end === 'close') first.close();
    else void (first as unknown as AsyncDisposable)[Symbol.asyncDispose]();
    const second = stage.watched();
    log.attempt(`listen after ${end}`, () => second.listen(port, '127.0.0.1') === second);
    await firstOf(second, 'listening', 'error');
    log.note('listens', second.listening);
    await closed(second);
  }
});

differential('close: the port is free for net.Server, too, and its path', async (stage) => {
  const { log } = stage;
  const first = stage.createServer();
  const port = await stage.listening(first);
  const path = stage.createServer();
  path.listen(stage.path());
  await once(path, 'listening');
  first.close();
  path.close();
  const others = [stage.own(net.createServer()), stage.own(net.createServer())] as const;
  log.events('port', others[0], 'listening', 'error');
  log.events('path', others[1], 'listening', 'error');
  others[0].listen(port, '127.0.0.1');
  await firstOf(others[0], 'listening', 'error');
  others[1].listen(stage.path());
  await firstOf(others[1], 'listening', 'error');
});

differential('close: 20 times, listening again on the same port', async (stage) => {
  const { log } = stage;
  const server = stage.createServer();
  const port = await stage.listening(server);
  log.events('server', server, 'connection', 'listening', 'close', 'error');
  for (let i = 0; i < 20; i++) {
    const client = stage.client(port);
    await Promise.all([once(client, 'connect'), once(server, 'connection')]);
    client.resetAndDestroy();
    stage.release();
    await closed(server);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  }
  log.note('listening', server.listening);
});

differential('close: a server that could not listen', async (stage) => {
  const { log } = stage;
  const port = await stage.listening(stage.createServer());
  const server = stage.watched();
  server.listen(port, '127.0.0.1');
  server.close((...values) => log.note('callback', ...values));
  await turns();
  server.listen(port, '127.0.0.1');
  await firstOf(server, 'error');
  server.close((...values) => log.note('callback', ...values));
  await turns();
});

differential('Symbol.asyncDispose: of each phase', async (stage) => {
  const { log } = stage;
  const server = stage.watched();
  const dispose = (): Promise<unknown> =>
    (server as unknown as { [Symbol.asyncDispose]: () => Promise<unknown> })[Symbol.asyncDispose]();
  log.note('before', await dispose());
  await stage.listening(server);
  const disposed = dispose();
  log.note('at once', server.listening, disposed instanceof Promise);
  log.note('resolved', await disposed);
  log.note('again', await dispose());
  await stage.listening(server);
  server.close();
  log.note('after close', await dispose());
  await turns();
});
