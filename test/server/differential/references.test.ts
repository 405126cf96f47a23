import { once } from 'node:events';
import type * as net from 'node:net';
import { differential } from './support/differential';
import { closed, type Stage } from './support/stage';

interface Internals {
  _handle: { hasRef: () => boolean } | null;
  _unref: boolean;
}

function note(stage: Stage, what: string, server: net.Server): void {
  const { _handle, _unref } = server as unknown as Internals;
  stage.log.note(what, _unref, _handle?.hasRef());
}

differential('ref and unref: return the server, before, while and after it listens', async (stage) => {
  const { log } = stage;
  const server = stage.createServer();
  for (const phase of ['before', 'listening', 'closed']) {
    log.note(phase, server.unref() === server);
    note(stage, 'unref', server);
    log.note(phase, server.ref() === server);
    note(stage, 'ref', server);
    log.note(phase, server.unref().unref() === server);
    note(stage, 'unref twice', server);
    server.ref();
    if (phase === 'before') await stage.listening(server);
    if (phase === 'listening') await closed(server);
  }
});

differential('unref: of before counts for each listen()', async (stage) => {
  const server = stage.createServer().unref();
  for (let i = 0; i < 2; i++) {
    server.listen(stage.path());
    note(stage, 'listening', server);
    await once(server, 'listening');
    await closed(server);
  }
  server.ref();
  await stage.listening(server);
  note(stage, 'listening', server);
  await closed(server);
});

differential("unref: connections of an unref'ed server are emitted", async (stage) => {
  const server = stage.watched().unref();
  const port = await stage.listening(server);
  await Promise.all([once(server, 'connection'), stage.connected(port)]);
  note(stage, 'then', server);
  stage.release();
  await closed(server);
});
