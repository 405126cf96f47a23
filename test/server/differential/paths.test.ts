import { once } from 'node:events';
import * as fs from 'node:fs';
import type * as net from 'node:net';
import { differential } from './support/differential';
import { closed, firstOf, listenWith, turns, until, type Stage } from './support/stage';

async function tries(stage: Stage, ...args: unknown[]): Promise<net.Server> {
  const { log } = stage;
  const server = stage.watched();
  log.attempt('listen', () => listenWith(server, ...args) === server);
  log.note('at once', server.listening, server.address());
  if (server.eventNames().includes('error'))
    await Promise.race([firstOf(server, 'listening', 'error'), turns(5)]);
  log.note('then', server.listening, server.address());
  return server;
}

const modeOf = (file: string): string => fs.statSync(file).mode.toString(8);

differential('path: the file comes with listen(), and goes with close()', async (stage) => {
  const { log } = stage;
  const server = await tries(stage, stage.path());
  log.note('is a socket', fs.statSync(stage.path()).isSocket());
  const client = await stage.connected(stage.path());
  await until(() => (server as unknown as { _connections: number })._connections === 1);
  client.destroy();
  await closed(server);
  log.note('is there', fs.existsSync(stage.path()), server.address());
});

differential('path: in use by a server, and by a file', async (stage) => {
  const { log } = stage;
  const first = await tries(stage, stage.path());
  await tries(stage, stage.path());
  await tries(stage, { path: stage.path(), exclusive: true, backlog: 5 });
  log.note('the first', first.listening, fs.existsSync(stage.path()));
  fs.writeFileSync(stage.path('file'), 'x');
  await tries(stage, stage.path('file'));
  log.note('the file', fs.readFileSync(stage.path('file'), 'utf8'));
  await tries(stage, stage.folder);
});

differential('path: of no folder, of a file for a folder, too long', async (stage) => {
  fs.writeFileSync(stage.path('file'), 'x');
  await tries(stage, stage.path('no/s'));
  await tries(stage, stage.path('file/s'));
  for (const length of [106, 107, 108, 109, 200]) await tries(stage, stage.path().padEnd(length, 'x'));
});

differential('path: with a zero byte inside', async (stage) => {
  const { log } = stage;
  await tries(stage, stage.path('a\0b'));
  log.note('made', fs.readdirSync(stage.folder));
});

differential('path: abstract, in use, and free again', async (stage) => {
  const name = '\0listenq-differential-abstract';
  const first = await tries(stage, name);
  await tries(stage, name);
  const client = await stage.connected(name);
  await until(() => (first as unknown as { _connections: number })._connections === 1);
  client.destroy();
  await closed(first);
  await tries(stage, { path: name });
});

differential('path: a stale file is in use', async (stage) => {
  const { log } = stage;
  const server = stage.createServer();
  server.listen(stage.path());
  await once(server, 'listening');
  fs.renameSync(stage.path(), stage.path('stale'));
  await closed(server);
  await tries(stage, stage.path('stale'));
  log.note('is there', fs.existsSync(stage.path('stale')));
});

for (const readableAll of [undefined, false, true, 1])
  for (const writableAll of [undefined, true, 'x'])
    differential(
      `path: mode with readableAll ${String(readableAll)}, writableAll ${String(writableAll)}`,
      async (stage) => {
        const { log } = stage;
        const server = stage.watched();
        const old = process.umask(0o077);
        log.attempt(
          'listen',
          () => listenWith(server, { path: stage.path(), readableAll, writableAll }) === server,
        );
        process.umask(old);
        await once(server, 'listening');
        log.note('mode', modeOf(stage.path()));
        await closed(server);
      },
    );

differential('path: the mode follows the umask', async (stage) => {
  const { log } = stage;
  for (const mask of [0, 0o022, 0o177]) {
    const server = stage.watched();
    const old = process.umask(mask);
    log.attempt('listen', () => server.listen(stage.path()) === server);
    process.umask(old);
    log.note('mode', modeOf(stage.path()));
    await once(server, 'listening');
    await closed(server);
  }
});

differential('path: what the sockets of both ends say', async (stage) => {
  const { log } = stage;
  const server = stage.watched();
  server.listen(stage.path());
  await once(server, 'listening');
  const [[socket]] = (await Promise.all([once(server, 'connection'), stage.connected(stage.path())])) as [
    [net.Socket],
    unknown,
  ];
  log.note('remote', socket.remoteAddress, socket.remotePort, socket.remoteFamily);
  log.note('local', socket.localAddress, socket.localPort, socket.address());
  log.note('state', socket.readyState, socket.connecting, socket.pending, socket.bytesRead);
  stage.release();
  await closed(server);
});
