import * as fs from 'node:fs';
import * as net from 'node:net';
import { needsRoot } from '../../support/machine';
import { differential } from './support/differential';
import { closed, firstOf, listenWith, turns, type Stage } from './support/stage';

/** Tries to listen, and records when it comes to what. */
async function tries(stage: Stage, ...args: unknown[]): Promise<net.Server> {
  const { log } = stage;
  const server = stage.watched();
  log.attempt('listen', () => listenWith(server, ...args) === server);
  log.note('at once', server.listening, server.address());
  log.marks('after it');
  await firstOf(server, 'listening', 'error');
  log.note('then', server.listening, server.address(), server.listenerCount('listening'));
  await turns();
  return server;
}

differential('EADDRINUSE: the port of a server of its own kind', async (stage) => {
  const port = await stage.listening(stage.createServer());
  await tries(stage, port, '127.0.0.1');
  await tries(stage, { port, host: '127.0.0.1', exclusive: true });
  await tries(stage, port, '127.0.0.1', () => stage.log.note('never called'));
});

differential('EADDRINUSE: the port of net.Server', async (stage) => {
  const other = stage.own(net.createServer());
  const port = await stage.listening(other);
  await tries(stage, port, '127.0.0.1');
});

differential('EADDRINUSE: net.Server finds the port taken', async (stage) => {
  const port = await stage.listening(stage.createServer());
  const other = stage.own(net.createServer());
  stage.log.events('net', other, 'listening', 'error');
  other.listen(port, '127.0.0.1');
  await firstOf(other, 'listening', 'error');
});

differential('EADDRINUSE: every interface against one, and one against every', async (stage) => {
  const { log } = stage;
  const one = stage.createServer();
  const port = await stage.listening(one);
  await tries(stage, port);
  await tries(stage, port, '0.0.0.0');
  await closed(one);
  const all = stage.createServer();
  all.listen(port);
  await firstOf(all, 'listening');
  await tries(stage, port, '127.0.0.1');
  await tries(stage, port, '::1');
  await tries(stage, { port, host: '::', ipv6Only: true });
  log.note('the first', all.listening);
});

differential('EADDRINUSE: the same server listens on another port after it', async (stage) => {
  const { log } = stage;
  const port = await stage.listening(stage.createServer());
  const server = await tries(stage, port, '127.0.0.1');
  log.attempt('again', () => server.listen(0, '127.0.0.1') === server);
  await firstOf(server, 'listening', 'error');
  log.note('listens', server.listening);
  await closed(server);
});

differential("EADDRINUSE: tried again in 'error', until the port is free", async (stage) => {
  const { log } = stage;
  const first = stage.createServer();
  const port = await stage.listening(first);
  const server = stage.watched();
  let tried = 0;
  server.on('error', () => {
    if (++tried === 3) first.close();
    server.listen(port, '127.0.0.1');
  });
  server.listen(port, '127.0.0.1', () => log.note('callback'));
  await firstOf(server, 'listening');
  log.note('tried', tried, server.listenerCount('listening'));
  await closed(server);
});

differential('EADDRINUSE: without a listener it is thrown', async (stage) => {
  const { log } = stage;
  const port = await stage.listening(stage.createServer());
  const server = stage.createServer();
  const old = process.rawListeners('uncaughtException') as NodeJS.UncaughtExceptionListener[];
  process.removeAllListeners('uncaughtException');
  const thrown = new Promise<void>((resolve) => {
    process.once('uncaughtException', (error, origin) => {
      log.note('uncaught', error, origin);
      resolve();
    });
  });
  server.listen(port, '127.0.0.1');
  await thrown;
  for (const one of old) process.on('uncaughtException', one);
  log.note('listening', server.listening);
});

differential('EADDRNOTAVAIL: an address of nobody here', async (stage) => {
  await tries(stage, 0, '192.0.2.1');
  await tries(stage, { port: 12_345, host: '192.0.2.1', exclusive: true });
  await tries(stage, 12_345, '2001:db8::1');
});

differential('EINVAL: a link-local address without its interface', async (stage) => {
  await tries(stage, 12_345, 'fe80::1');
});

differential('ENOTFOUND, or EAI_AGAIN without a resolver: a name of nobody', async (stage) => {
  const { log } = stage;
  const server = stage.watched();
  log.attempt('listen', () => server.listen(0, 'nobody.invalid', () => log.note('never called')) === server);
  log.note('at once', server.listening, server.address());
  await firstOf(server, 'listening', 'error');
  await stage.listening(server);
  await closed(server);
});

differential(
  'EACCES: a port below 1024 and a folder of root, for another user',
  async (stage) => {
    const { log } = stage;
    fs.chmodSync(stage.folder, 0o700);
    const asNobody = (server: net.Server, ...args: unknown[]): void => {
      process.seteuid?.(65_534);
      try {
        log.attempt('listen', () => listenWith(server, ...args) === server);
      } finally {
        process.seteuid?.(0);
      }
    };
    for (const args of [[81, '127.0.0.1'], [81], [stage.path()], [{ path: stage.path(), exclusive: true }]]) {
      const server = stage.watched();
      asNobody(server, ...args);
      log.note('at once', server.listening, server.address());
      await firstOf(server, 'listening', 'error');
      log.note('then', server.listening, server.address());
    }
  },
  { skip: needsRoot() },
);

differential('two servers of one port: both may begin, one of them ends in an error', async (stage) => {
  const first = stage.watched();
  const port = await stage.listening(first);
  await closed(first);
  const [a, b] = [stage.createServer(), stage.createServer()];
  stage.log.events('a', a, 'listening', 'error', 'close');
  stage.log.events('b', b, 'listening', 'error', 'close');
  a.listen(port, '127.0.0.1');
  b.listen(port, '127.0.0.1');
  stage.log.note('at once', a.listening, b.listening);
  await turns();
});
