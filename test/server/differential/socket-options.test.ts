import { once } from 'node:events';
import * as net from 'node:net';
import * as c from 'listenq/syscalls';
import { differential } from './support/differential';
import { closed, until, turns, type Stage } from './support/stage';

interface Ends {
  server: net.Server;
  client: net.Socket;
  socket: net.Socket;
  port: number;
}

async function ends(stage: Stage, options: unknown, listenOptions: net.ListenOptions = {}): Promise<Ends> {
  const server = stage.createServer(options);
  const port = await stage.listening(server, listenOptions);
  const [[socket], client] = (await Promise.all([once(server, 'connection'), stage.connected(port)])) as [
    [net.Socket],
    net.Socket,
  ];
  return { server, client, socket, port };
}

function fdOf(of: net.Socket | net.Server): number {
  return (of as unknown as { _handle: { fd: number } })._handle.fd;
}

/** What the kernel has set on a descriptor. */
function read(fd: number): unknown {
  const get = (level: number, name: number): number => c.getsockoptInt(fd, level, name);
  return {
    noDelay: get(c.IPPROTO_TCP, c.TCP_NODELAY),
    keepAlive: get(c.SOL_SOCKET, c.SO_KEEPALIVE),
    keepIdle: get(c.IPPROTO_TCP, c.TCP_KEEPIDLE),
    keepInterval: get(c.IPPROTO_TCP, c.TCP_KEEPINTVL),
    keepCount: get(c.IPPROTO_TCP, c.TCP_KEEPCNT),
    reuseAddress: get(c.SOL_SOCKET, c.SO_REUSEADDR),
    reusePort: get(c.SOL_SOCKET, c.SO_REUSEPORT),
    linger: c.getsockopt(fd, c.SOL_SOCKET, c.SO_LINGER).toString('hex'),
  };
}

const OPTIONS: object[] = [
  {},
  { noDelay: true },
  { noDelay: 'x' },
  { keepAlive: true },
  { keepAlive: true, keepAliveInitialDelay: 7000 },
  { keepAlive: true, keepAliveInitialDelay: 999 },
  { keepAlive: true, keepAliveInitialDelay: -1 },
  { keepAlive: false, keepAliveInitialDelay: 7000 },
  { noDelay: true, keepAlive: true, keepAliveInitialDelay: 1500 },
];

for (const options of OPTIONS)
  differential(`options: ${JSON.stringify(options)}, as the kernel has them`, async (stage) => {
    const { log } = stage;
    const { server, socket } = await ends(stage, options);
    log.note('the connection', read(fdOf(socket)));
    log.note('the listener', read(fdOf(server)));
    stage.release();
    await closed(server);
  });

for (const options of [{ reusePort: true }, { reusePort: false }, { reusePort: 1 }, { exclusive: true }])
  differential(`listen: ${JSON.stringify(options)}, and a second server on the port`, async (stage) => {
    const { log } = stage;
    const first = stage.watched();
    const port = await stage.listening(first, options);
    log.note('the listener', read(fdOf(first)));
    const second = stage.watched();
    second.listen({ port, host: '127.0.0.1', ...options });
    await turns(5);
    log.note('listening', second.listening);
  });

for (const size of [undefined, 0, 1, 1024, 100_000, -1])
  differential(`highWaterMark: ${String(size)}, of both directions`, async (stage) => {
    const { log } = stage;
    const { server, socket } = await ends(stage, size === undefined ? {} : { highWaterMark: size });
    log.note('marks', socket.readableHighWaterMark, socket.writableHighWaterMark);
    log.note('server', (server as unknown as { highWaterMark: number }).highWaterMark);
    stage.release();
    await closed(server);
  });

differential('options: changed on the server, they count from the next connection', async (stage) => {
  const { log } = stage;
  const { server, port } = await ends(stage, {});
  Object.assign(server, {
    ...{ noDelay: true, keepAlive: true, keepAliveInitialDelay: 3, highWaterMark: 99 },
    ...{ allowHalfOpen: true, pauseOnConnect: true },
  });
  const [[socket]] = (await Promise.all([once(server, 'connection'), stage.connected(port)])) as [
    [net.Socket],
    unknown,
  ];
  log.note('the connection', read(fdOf(socket)), socket.readableHighWaterMark);
  log.note('as asked', socket.allowHalfOpen, socket.isPaused());
  stage.release();
  await closed(server);
});

for (const allowHalfOpen of [false, true])
  differential(`allowHalfOpen: ${String(allowHalfOpen)}, a client that ends first`, async (stage) => {
    const { log } = stage;
    const { server, client, socket } = await ends(stage, { allowHalfOpen });
    log.note('asked', socket.allowHalfOpen);
    log.events('socket', socket.resume(), 'end', 'finish', 'close');
    client.resume().end('last words');
    await once(socket, 'end');
    await turns(5);
    log.note('writable', socket.writable, socket.writableEnded, socket.readyState, socket.bytesRead);
    if (allowHalfOpen) socket.end('answer');
    await until(() => client.closed && socket.closed);
    log.note('the client read', client.bytesRead);
    await closed(server);
  });

differential('pauseOnConnect: nothing is read until resume()', async (stage) => {
  const { log } = stage;
  const server = stage.createServer({ pauseOnConnect: true });
  const port = await stage.listening(server);
  const client = stage.client(port);
  client.write('early');
  const [socket] = (await once(server, 'connection')) as [net.Socket];
  const chunks: string[] = [];
  socket.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk));
  await turns(10);
  log.note('paused', socket.isPaused(), chunks.join(''), socket.bytesRead);
  socket.resume();
  await until(() => chunks.length > 0);
  log.note('then', socket.isPaused(), chunks.join(''), socket.bytesRead);
  stage.release();
  await closed(server);
});

differential('sockets: what they say of themselves', async (stage) => {
  const { log } = stage;
  for (const [host, peer] of [
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['::', '127.0.0.1'],
  ] as const) {
    const server = stage.createServer();
    const port = await stage.listening(server, { host });
    const client = stage.client({ port, host: peer });
    client.once('connect', () => log.name(client.localPort ?? 0, 'client'));
    const [socket] = (await once(server, 'connection')) as [net.Socket];
    if (client.connecting) await once(client, 'connect');
    log.note('remote', socket.remoteAddress, socket.remotePort, socket.remoteFamily);
    log.note('local', socket.localAddress, socket.localPort, socket.localFamily, socket.address());
    log.note(
      'state',
      socket.readyState,
      socket.connecting,
      socket.pending,
      socket.destroyed,
      socket.allowHalfOpen,
    );
    log.note('bytes', socket.bytesRead, socket.bytesWritten, socket.writableLength, socket.timeout);
    const { server: of, _server, ...rest } = socket as unknown as { server: unknown; _server: unknown };
    log.note('its server', of === server, _server === server);
    log.note(
      'its class',
      socket instanceof net.Socket,
      Object.getPrototypeOf(socket) === net.Socket.prototype,
    );
    log.note(
      'its properties',
      Object.keys(rest).filter((key) => key !== 'autoSelectFamilyAttemptedAddresses'),
    );
    log.note('hears', socket.eventNames());
    stage.release();
    await closed(server);
  }
});
