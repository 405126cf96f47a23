import { once } from 'node:events';
import type * as net from 'node:net';
import { differential } from './support/differential';
import { closed, turns, until } from './support/stage';

differential('data: an echo of a megabyte, with backpressure', async (stage) => {
  const { log } = stage;
  const server = stage.createServer((socket: net.Socket) => socket.pipe(socket));
  const port = await stage.listening(server);
  const client = await stage.connected(port);
  const sent = Buffer.alloc(2 ** 20, 'listenq');
  const got: Buffer[] = [];
  client.on('data', (chunk: Buffer) => got.push(chunk));
  client.end(sent);
  await once(client, 'end');
  log.note('equal', Buffer.concat(got).equals(sent));
  await once(client, 'close');
  await closed(server);
});

differential('data: sent before it was accepted, and the end with it', async (stage) => {
  const { log } = stage;
  const server = stage.createServer((socket: net.Socket) => {
    const chunks: string[] = [];
    socket.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk));
    socket.on('end', () => log.note('end', chunks.join('')));
    socket.on('close', (hadError) => log.note('close', hadError, socket.bytesRead, socket.bytesWritten));
  });
  const port = await stage.listening(server);
  const client = stage.client(port);
  client.write('one ');
  client.end('two');
  await once(client.resume(), 'close');
  await closed(server);
});

differential('data: written at once in the connection event, and ended', async (stage) => {
  const { log } = stage;
  const server = stage.createServer((socket: net.Socket) => {
    log.note('write', socket.write('a'), socket.bytesWritten, socket.writableLength);
    log.events('socket', socket, 'finish', 'close');
    socket.end('b');
  });
  const port = await stage.listening(server);
  const client = stage.client(port);
  client.setEncoding('utf8').on('data', () => undefined);
  await once(client, 'close');
  log.note('read', client.bytesRead);
  await closed(server);
});

differential('reset: a client that resets is ECONNRESET', async (stage) => {
  const { log } = stage;
  const server = stage.createServer();
  const port = await stage.listening(server);
  const [[socket], client] = (await Promise.all([once(server, 'connection'), stage.connected(port)])) as [
    [net.Socket],
    net.Socket,
  ];
  log.events('socket', socket.resume(), 'end', 'error', 'close');
  client.resetAndDestroy();
  await until(() => socket.closed);
  log.note('hadError', socket.errored);
  await closed(server);
});

differential('reset: a socket that resets its client', async (stage) => {
  const { log } = stage;
  const server = stage.createServer((socket: net.Socket) => {
    log.events('socket', socket, 'close', 'error');
    log.attempt('resetAndDestroy', () => socket.resetAndDestroy() === socket);
  });
  const port = await stage.listening(server);
  const client = stage.client(port).resume();
  await until(() => client.closed);
  await turns();
  // Whether connecting or reading finds it is open.
  log.note('the client', (client.errored as { code?: string } | null)?.code);
  await closed(server);
});

differential('reset: a client that is gone before it was accepted', async (stage) => {
  const { log } = stage;
  const server = stage.createServer();
  const port = await stage.listening(server);
  const socket = once(server, 'connection') as Promise<[net.Socket]>;
  const client = await stage.connected(port);
  client.resetAndDestroy();
  const [accepted] = await socket;
  accepted.resume();
  await until(() => accepted.closed);
  log.note('closed', accepted.destroyed);
  await closed(server);
});

differential('destroy: with an error', async (stage) => {
  const { log } = stage;
  const server = stage.createServer((socket: net.Socket) => {
    log.events('socket', socket, 'close', 'error', 'end');
    socket.destroy(new Error('enough'));
  });
  const port = await stage.listening(server);
  await once(stage.client(port).resume(), 'close');
  await turns();
  await closed(server);
});

differential('setTimeout: a silent client times out', async (stage) => {
  const { log } = stage;
  const server = stage.createServer((socket: net.Socket) => {
    log.events('socket', socket, 'timeout', 'close', 'end');
    socket.setTimeout(20, () => socket.destroy());
  });
  const port = await stage.listening(server);
  await once(stage.client(port).resume(), 'close');
  await turns();
  await closed(server);
});

differential('destroySoon, and sockets kept from reading', async (stage) => {
  const { log } = stage;
  const server = stage.createServer((socket: net.Socket) => {
    log.events('socket', socket, 'finish', 'close');
    socket.write('x'.repeat(1000));
    socket.destroySoon();
  });
  const port = await stage.listening(server);
  const client = stage.client(port).resume();
  await once(client, 'close');
  log.note('read', client.bytesRead);
  await closed(server);
});

differential('ref and unref: of a socket', async (stage) => {
  const { log } = stage;
  const server = stage.createServer();
  const port = await stage.listening(server);
  const [[socket]] = (await Promise.all([once(server, 'connection'), stage.connected(port)])) as [
    [net.Socket],
    unknown,
  ];
  const handle = (socket as unknown as { _handle: { hasRef: () => boolean } })._handle;
  log.note('at first', handle.hasRef());
  log.note('unref', socket.unref() === socket, handle.hasRef());
  log.note('ref', socket.ref() === socket, handle.hasRef());
  stage.release();
  await closed(server);
});

for (const count of [1, 20, 200])
  differential(`${count} connections at once: each is served, and in the end none is left`, async (stage) => {
    const { log } = stage;
    const server = stage.createServer((socket: net.Socket) => socket.pipe(socket));
    let seen = 0;
    server.on('connection', () => seen++);
    const port = await stage.listening(server);
    const answers = Array.from({ length: count }, async (_, i) => {
      const client = stage.client(port);
      client.end(`number ${i}`);
      let text = '';
      client.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      await once(client, 'close');
      return text;
    });
    log.note('answers', await Promise.all(answers));
    log.note('seen', seen);
    await closed(server);
  });

differential('connections of a path: 50 at once', async (stage) => {
  const { log } = stage;
  const server = stage.createServer((socket: net.Socket) => socket.end('hello'));
  server.listen(stage.path());
  await once(server, 'listening');
  const answers = Array.from({ length: 50 }, async () => {
    const client = stage.client(stage.path());
    let text = '';
    client.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    await once(client, 'close');
    return text;
  });
  log.note('answers', await Promise.all(answers));
  await closed(server);
});

differential("connections that queue before 'listening' is heard come after it", async (stage) => {
  const { log } = stage;
  const server = stage.watched();
  server.listen(0);
  const { port } = server.address() as net.AddressInfo;
  log.name(port, 'port');
  const clients = [stage.client(port), stage.client(port)];
  let seen = 0;
  server.on('connection', () => seen++);
  await until(() => seen === clients.length);
  stage.release();
  await closed(server);
});
