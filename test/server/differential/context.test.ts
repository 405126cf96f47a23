import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { EventEmitter, once } from 'node:events';
import * as net from 'node:net';
import { differential } from './support/differential';
import { closed, firstOf, turns, until, type Stage } from './support/stage';

const store = new AsyncLocalStorage<string>();

differential('AsyncLocalStorage: what each event runs in', async (stage) => {
  const { log } = stage;
  const seen = (what: string): void => log.note(what, store.getStore());
  const server = store.run('created', () => stage.createServer());
  server.on('listening', () => seen('listening'));
  server.on('close', () => seen('close'));
  server.on('connection', (socket: net.Socket) => {
    seen('connection');
    process.nextTick(() => seen('tick'));
    queueMicrotask(() => seen('microtask'));
    setImmediate(() => seen('immediate'));
    socket.on('data', () => seen('data'));
    socket.on('end', () => seen('end'));
    socket.on('close', () => seen('socket close'));
  });
  const port = await store.run('listens', () => stage.listening(server));
  let read = 0;
  server.on('connection', (socket: net.Socket) => socket.on('data', () => read++));
  const [client] = await Promise.all([
    store.run('client', () => stage.connected(port)),
    once(server, 'connection'),
  ]);
  await turns();
  client.write('x');
  await until(() => read === 1);
  client.resume().end();
  await until(() => client.closed && (server as unknown as { _connections: number })._connections === 0);
  await turns();
  server.getConnections(() => seen('getConnections'));
  await store.run('closes', () => closed(server));
});

differential('AsyncLocalStorage: each server has its own, and each listen()', async (stage) => {
  const { log } = stage;
  const serve = async (server: net.Server, context: string): Promise<void> => {
    const port = await store.run(context, () => stage.listening(server));
    await Promise.all([once(server, 'connection'), stage.connected(port)]);
    stage.release();
    await closed(server);
  };
  const first = stage.createServer(() => log.note('first', store.getStore()));
  const second = stage.createServer(() => log.note('second', store.getStore()));
  await serve(first, 'one');
  await serve(second, 'two');
  await serve(first, 'three');
});

differential("AsyncLocalStorage: 'error' and 'drop'", async (stage) => {
  const { log } = stage;
  const server = stage.createServer();
  server.maxConnections = 1;
  server.on('drop', () => log.note('drop', store.getStore()));
  const port = await store.run('listens', () => stage.listening(server));
  await Promise.all([once(server, 'connection'), stage.connected(port)]);
  await Promise.all([once(server, 'drop'), stage.connected(port)]);
  const second = stage.createServer();
  second.on('error', () => log.note('error', store.getStore()));
  store.run('fails', () => second.listen(port, '127.0.0.1'));
  await firstOf(second, 'error');
  stage.release();
  await closed(server);
});

/** Channels of which a Node that lacks them says nothing. */
const CHANNELS = [
  'net.server.socket',
  ...['asyncStart', 'asyncEnd', 'error', 'start', 'end'].map((name) => `tracing:net.server.listen:${name}`),
];

/** Records the channels while `use` runs. */
async function heard(stage: Stage, use: () => Promise<void>): Promise<void> {
  const listeners = CHANNELS.map((channel) => {
    const listener = (message: unknown): void => stage.log.note(`channel ${channel}`, message);
    subscribe(channel, listener);
    return [channel, listener] as const;
  });
  try {
    await use();
  } finally {
    for (const [channel, listener] of listeners) unsubscribe(channel, listener);
  }
}

differential('diagnostics_channel: a server that listens and is connected to', (stage) =>
  heard(stage, async () => {
    const server = stage.watched();
    const port = await stage.listening(server, { backlog: 7 });
    await until(() => server.listening);
    const client = net.connect(port, '127.0.0.1');
    stage.keep(client);
    await once(server, 'connection');
    await until(() => !client.connecting);
    stage.release();
    await closed(server);
  }),
);

differential('diagnostics_channel: what cannot listen', (stage) =>
  heard(stage, async () => {
    const port = await stage.listening(stage.createServer());
    const server = stage.watched();
    server.listen(port, '127.0.0.1');
    await once(server, 'error');
    server.listen(stage.path('none/s'));
    await once(server, 'error');
    stage.log.attempt('bad', () => server.listen(-1));
    await turns();
  }),
);

differential('captureRejections: an async listener of each event', async (stage) => {
  const { log } = stage;
  EventEmitter.captureRejections = true;
  const server = stage.createServer();
  EventEmitter.captureRejections = false;
  log.events('server', server, 'error', 'close');
  server.on('connection', (socket: net.Socket) => log.events('socket', socket, 'error', 'close'));
  const rejects = (what: string) => (): void => Promise.reject(new Error(what)) as unknown as undefined;
  server.once('connection', rejects('of connection'));
  server.once('listening', rejects('of listening'));
  const sockets: net.Socket[] = [];
  server.on('connection', (socket: net.Socket) => sockets.push(socket));
  const port = await stage.listening(server);
  await turns();
  await stage.connected(port);
  await until(() => sockets[0]?.closed === true);
  stage.release();
  await closed(server);
});
