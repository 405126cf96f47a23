import { once } from 'node:events';
import type * as net from 'node:net';
import { differential } from './support/differential';
import { closed, turns, until, type Stage } from './support/stage';

/** A server with so many connections, as both ends hold them. */
async function serving(
  stage: Stage,
  count: number,
): Promise<{
  server: net.Server;
  port: number;
  clients: net.Socket[];
  sockets: net.Socket[];
}> {
  const server = stage.createServer();
  const port = await stage.listening(server);
  const sockets: net.Socket[] = [];
  server.on('connection', (socket: net.Socket) => sockets.push(socket));
  const clients: net.Socket[] = [];
  for (let i = 0; i < count; i++) {
    clients.push(await stage.connected(port));
    await until(() => sockets.length > i);
  }
  return { server, port, clients, sockets };
}

differential("close: waits for the last connection, and comes after its 'close'", async (stage) => {
  const { log } = stage;
  const { server, clients, sockets } = await serving(stage, 2);
  log.events('server', server, 'close');
  sockets.forEach((socket, i) => log.events(`socket ${i}`, socket.resume(), 'end', 'finish', 'close'));
  server.close((error) => log.note('callback', error));
  await turns();
  log.note('open', server.listening, countOf(server));
  clients[0]?.end();
  await once(sockets[0] as net.Socket, 'close');
  await turns();
  log.note('open', server.listening, countOf(server));
  clients[1]?.end();
  await once(server, 'close');
  await turns();
  log.note('open', countOf(server));
});

differential('close: a client that comes after it is refused', async (stage) => {
  const { log } = stage;
  const { server, port } = await serving(stage, 1);
  server.close();
  const client = stage.client(port);
  const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException];
  log.note('refused', error.code);
  stage.release();
  await once(server, 'close');
});

differential("close: in 'connection'", async (stage) => {
  const { log } = stage;
  const server = stage.watched();
  server.once('connection', (socket: net.Socket) => {
    log.attempt('close', () => server.close((error) => log.note('callback', error)) === server);
    log.note('at once', server.listening, server.address());
    log.events('socket', socket, 'end', 'close');
    socket.end('bye');
  });
  const port = await stage.listening(server);
  const client = stage.client(port);
  const chunks: string[] = [];
  client.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk));
  await once(server, 'close');
  await until(() => client.destroyed);
  log.note('the client got', chunks.join(''));
});

differential("close: in the connection's 'close'", async (stage) => {
  const { log } = stage;
  const { server, clients, sockets } = await serving(stage, 1);
  log.events('server', server, 'close');
  sockets[0]?.on('close', () => {
    log.note('open', countOf(server));
    server.close((error) => log.note('callback', error));
    log.marks('close');
  });
  clients[0]?.destroy();
  sockets[0]?.destroy();
  await once(server, 'close');
  await turns();
});

differential('close: sockets destroyed in the same turn, before and after it', async (stage) => {
  const { log } = stage;
  for (const first of [true, false]) {
    const { server, sockets } = await serving(stage, 2);
    log.events('server', server, 'close');
    sockets.forEach((socket, i) => log.events(`socket ${i}`, socket, 'close'));
    if (first) for (const socket of sockets) socket.destroy();
    server.close(() => log.note('callback'));
    if (!first) for (const socket of sockets) socket.destroy();
    log.note('open', countOf(server));
    await once(server, 'close');
    await turns();
  }
});

differential('close: listening again while a connection of before is open', async (stage) => {
  const { log } = stage;
  const { server, port, clients, sockets } = await serving(stage, 1);
  log.events('server', server, 'close', 'listening');
  server.close(() => log.note('first callback'));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  log.note('open', countOf(server));
  clients[0]?.destroy();
  await once(sockets[0] as net.Socket, 'close');
  await turns();
  log.note('open', countOf(server), server.listening);
  await closed(server);
});

differential('close: connections that were emitted and not read keep their data', async (stage) => {
  const { log } = stage;
  const server = stage.createServer({ pauseOnConnect: true });
  const port = await stage.listening(server);
  const [client, [socket]] = (await Promise.all([stage.connected(port), once(server, 'connection')])) as [
    net.Socket,
    [net.Socket],
  ];
  client.end('said before');
  server.close();
  await turns();
  const chunks: string[] = [];
  socket.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk));
  socket.resume();
  await once(server, 'close');
  log.note('read', chunks.join(''));
});

differential('getConnections: of each phase', async (stage) => {
  const { log } = stage;
  const server = stage.watched();
  const count = (): Promise<void> =>
    new Promise((resolve) => {
      const counted = (...values: unknown[]): void => {
        log.note('count', ...values);
        resolve();
      };
      let sync = true;
      log.attempt(
        'getConnections',
        () => server.getConnections((...values) => counted(sync, ...values)) === server,
      );
      sync = false;
    });
  await count();
  const port = await stage.listening(server);
  await count();
  await Promise.all([once(server, 'connection'), stage.connected(port)]);
  await count();
  await Promise.all([once(server, 'connection'), stage.connected(port)]);
  await count();
  server.close();
  await count();
  stage.release();
  await once(server, 'close');
  await count();
});

differential('getConnections: a callback that is none', async (stage) => {
  const server = stage.createServer();
  await stage.listening(server);
  for (const callback of ['x', 5, null, {}])
    stage.log.attempt(JSON.stringify(callback), () =>
      (server.getConnections as (callback: unknown) => net.Server).call(server, callback),
    );
});

function countOf(server: net.Server): number {
  return (server as unknown as { _connections: number })._connections;
}
