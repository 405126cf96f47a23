import { once } from 'node:events';
import * as net from 'node:net';
import { MessageChannel, receiveMessageOnPort, type Transferable } from 'node:worker_threads';
import { differential } from './support/differential';
import { closed, firstOf, listenWith, turns, until, type Stage } from './support/stage';

/** A socket that is bound and does not listen yet: in Node 24.21 and later. */
interface Bound {
  address: () => unknown;
  close: () => void;
}
const BoundSocket = (net as unknown as { BoundSocket?: new (options: object) => Bound }).BoundSocket;

/** undefined where this Node has none, which is recorded. */
function bound(stage: Stage, options: object): Bound | undefined {
  stage.log.note('known', BoundSocket !== undefined);
  return BoundSocket === undefined ? undefined : new BoundSocket(options);
}

/** Moves a server through a channel; gives what comes out. */
function moved(stage: Stage, server: net.Server): net.Server | undefined {
  const { port1, port2 } = new MessageChannel();
  stage.log.attempt('postMessage', () => port1.postMessage(server, [server as unknown as Transferable]));
  const received = receiveMessageOnPort(port2)?.message as net.Server | undefined;
  port1.close();
  return received;
}

for (const given of ['itself', 'handle'])
  for (const kind of ['port', 'path'])
    differential(`BoundSocket: of a ${kind}, given as ${given}`, async (stage) => {
      const { log } = stage;
      const socket = bound(stage, kind === 'port' ? { host: '127.0.0.1', port: 0 } : { path: stage.path() });
      if (socket === undefined) return;
      const server = stage.watched();
      const where = given === 'itself' ? socket : { handle: socket };
      log.attempt('listen', () => listenWith(server, where, 7, () => log.note('callback')) === server);
      log.note('at once', server.listening);
      log.attempt('address of what was taken', () => socket.address());
      log.attempt('close of what was taken', () => socket.close());
      log.marks('listen');
      await firstOf(server, 'listening', 'error');
      const address = server.address() as net.AddressInfo | string;
      if (typeof address === 'object') log.name(address.port, 'chosen');
      log.note('address', address);
      await turns();
      const to = typeof address === 'object' ? address.port : address;
      await Promise.all([once(server, 'connection'), stage.connected(to)]);
      stage.release();
      await closed(server);
      log.attempt('again', () => listenWith(stage.createServer(), where));
    });

differential('BoundSocket: two servers, one socket', async (stage) => {
  const { log } = stage;
  const socket = bound(stage, { host: '127.0.0.1' });
  if (socket === undefined) return;
  const first = stage.watched();
  listenWith(first, socket);
  const second = stage.watched();
  log.attempt('listen', () => listenWith(second, socket));
  log.note('listening', first.listening, second.listening);
  await firstOf(first, 'listening', 'error');
  await closed(first);
});

differential('transfer: a server that listens', async (stage) => {
  const { log } = stage;
  const server = stage.watched({
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 3000,
    allowHalfOpen: true,
  });
  const port = await stage.listening(server);
  const other = moved(stage, server);
  log.note('the first', server.listening, server.address());
  if (other === undefined) return;
  stage.own(other);
  log.events('other', other, 'listening', 'connection', 'close', 'error');
  log.note('the other', other instanceof net.Server, other.listening, other.address());
  const { noDelay, keepAlive, keepAliveInitialDelay, allowHalfOpen } = other as unknown as Record<
    string,
    unknown
  >;
  log.note('its options', noDelay, keepAlive, keepAliveInitialDelay, allowHalfOpen);
  await Promise.all([once(other, 'connection'), stage.connected(port)]);
  stage.release();
  await closed(other);
  await stage.listening(server);
  await closed(server);
});

differential('transfer: clients that connect meanwhile are served by one of the two', async (stage) => {
  const { log } = stage;
  const server = stage.createServer();
  let seen = 0;
  server.on('connection', () => seen++);
  const port = await stage.listening(server);
  const clients = Array.from({ length: 10 }, () => stage.client(port));
  const other = moved(stage, server);
  if (other === undefined) return;
  stage.own(other).on('connection', () => seen++);
  await until(() => seen === clients.length);
  log.note('seen', seen);
  stage.release();
  await closed(other);
});

differential('transfer: what cannot be moved', async (stage) => {
  const { log } = stage;
  moved(stage, stage.createServer());
  const path = stage.createServer();
  path.listen(stage.path());
  await once(path, 'listening');
  moved(stage, path);
  log.note('still', path.listening);
  const { port1 } = new MessageChannel();
  const server = stage.createServer();
  await stage.listening(server);
  log.attempt('without a transfer list', () => port1.postMessage(server));
  log.note('still', server.listening);
  port1.close();
  await closed(server);
});
