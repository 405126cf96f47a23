import { once } from 'node:events';
import * as net from 'node:net';
import { differential } from './support/differential';
import { closed, turns, until, type Stage } from './support/stage';

/** Past TypeScript, which knows it to be a number. */
function setLimit(server: net.Server, maxConnections: unknown): void {
  Object.assign(server, { maxConnections });
}

/** Connects one after another, and waits until each was emitted, dropped, or closed unseen. */
async function connects(stage: Stage, to: number | string, count: number): Promise<void> {
  const { log } = stage;
  for (let i = 0; i < count; i++) {
    const before = log.length;
    const client = stage.client(to);
    if (typeof to === 'number') client.once('connect', () => log.name(client.localPort ?? 0, `client ${i}`));
    client.resume();
    await until(() => !client.connecting && (client.destroyed || log.length > before));
    await turns();
    log.note('client', i, client.destroyed);
  }
}

for (const limit of [0, 1, 2, -1, null, undefined, '1', NaN, Infinity, 1.5, true])
  differential(`maxConnections: ${typeof limit} ${String(limit)}`, async (stage) => {
    const server = stage.watched();
    setLimit(server, limit);
    const port = await stage.listening(server);
    await connects(stage, port, 3);
    stage.release();
    await closed(server);
  });

differential('maxConnections: of a path', async (stage) => {
  const server = stage.watched();
  server.maxConnections = 1;
  server.listen(stage.path());
  await once(server, 'listening');
  await connects(stage, stage.path(), 3);
  stage.release();
  await closed(server);
});

differential('maxConnections: of IPv6, and dual stack', async (stage) => {
  const { log } = stage;
  for (const [host, peer] of [
    ['::1', '::1'],
    ['::', '127.0.0.1'],
  ] as const) {
    const server = stage.watched();
    server.maxConnections = 1;
    const port = await stage.listening(server, { host });
    await Promise.all([once(server, 'connection'), stage.connected({ port, host: peer })]);
    const [client] = await Promise.all([stage.connected({ port, host: peer }), once(server, 'drop')]);
    log.name(client.localPort ?? 0, 'client');
    stage.release();
    await closed(server);
  }
});

differential('maxConnections: raised and lowered while it serves', async (stage) => {
  const { log } = stage;
  const server = stage.watched();
  server.maxConnections = 1;
  const port = await stage.listening(server);
  await connects(stage, port, 2);
  server.maxConnections = 2;
  await connects(stage, port, 2);
  server.maxConnections = 1;
  await connects(stage, port, 1);
  setLimit(server, undefined);
  await connects(stage, port, 1);
  log.note('limit', server.maxConnections);
  stage.release();
  await closed(server);
});

differential('maxConnections: set in the constructor of nobody', async (stage) => {
  const { log } = stage;
  const server = stage.watched({ maxConnections: 1, dropMaxConnection: true });
  log.note('limit', server.maxConnections, 'dropMaxConnection' in server);
  const port = await stage.listening(server);
  await connects(stage, port, 2);
  stage.release();
  await closed(server);
});

differential('maxConnections: room again when a connection ends', async (stage) => {
  const { log } = stage;
  const server = stage.createServer();
  server.maxConnections = 1;
  log.events('server', server, 'connection');
  let dropped = 0;
  server.on('drop', () => dropped++);
  const port = await stage.listening(server);
  for (let i = 0; i < 3; i++) {
    const [[socket]] = (await Promise.all([once(server, 'connection'), stage.connected(port)])) as [
      [net.Socket],
      unknown,
    ];
    stage.client(port).resume();
    await until(() => dropped > i);
    socket.destroy();
    await once(socket, 'close');
  }
  log.note('dropped', dropped);
  stage.release();
  await closed(server);
});

differential('maxConnections: one socket destroyed in its own event makes room', async (stage) => {
  const { log } = stage;
  const server = stage.watched();
  server.maxConnections = 1;
  server.on('connection', (socket: net.Socket) => socket.destroy());
  const port = await stage.listening(server);
  for (let i = 0; i < 3; i++) {
    const client = stage.client(port).resume();
    await once(client, 'close');
    await turns();
  }
  log.note('limit', server.maxConnections);
  await closed(server);
});

for (const drop of [true, false])
  differential(`dropMaxConnection: ${String(drop)}`, async (stage) => {
    const server = stage.watched();
    Object.assign(server, { dropMaxConnection: drop });
    server.maxConnections = 1;
    const port = await stage.listening(server);
    await connects(stage, port, 2);
    stage.release();
    await closed(server);
  });

differential('blockList: where this Node has it, a blocked peer is closed unseen', async (stage) => {
  const blockList = new net.BlockList();
  const server = stage.watched({ blockList });
  const port = await stage.listening(server, { host: '::' });
  const knows = 'blockList' in server;
  stage.log.note('known', knows);
  blockList.addAddress('127.0.0.2');
  let seen = 0;
  server.on('connection', () => seen++);
  await Promise.all([once(server, 'connection'), stage.connected({ port, host: '127.0.0.1' })]);
  const blocked = stage.client({ port, host: '127.0.0.1', localAddress: '127.0.0.2' }).resume();
  blockList.addAddress('::1', 'ipv6');
  const six = stage.client({ port, host: '::1' }).resume();
  if (knows) await Promise.all([once(blocked, 'close'), once(six, 'close')]);
  else await until(() => seen === 3);
  stage.release();
  await closed(server);
});

differential('_connections: counts with each event', async (stage) => {
  const { log } = stage;
  const server = stage.createServer();
  const count = (): unknown => (server as unknown as { _connections: number })._connections;
  server.on('connection', (socket: net.Socket) => {
    log.note('connection', count());
    socket.resume().on('close', () => log.note('close', count()));
  });
  const port = await stage.listening(server);
  for (let i = 0; i < 3; i++) {
    const [client] = await Promise.all([stage.connected(port), once(server, 'connection')]);
    if (i === 1) {
      client.destroy();
      await until(() => count() === 1);
    }
  }
  log.note('open', count());
  stage.release();
  await closed(server);
  await turns();
  log.note('in the end', count());
});
