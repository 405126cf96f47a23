import { lookup } from 'node:dns';
import { getEventListeners, once } from 'node:events';
import { differential } from './support/differential';
import { closed, firstOf, listenWith, turns, until } from './support/stage';

const WHERE = {
  port: () => ({ port: 0, host: '127.0.0.1' }),
  path: (path: string) => ({ path }),
};

differential('signal: what is none', async (stage) => {
  const { log } = stage;
  for (const signal of ['x', {}, 5, true, null, false, 0, [], { aborted: true }, { aborted: false }]) {
    const server = stage.watched();
    log.attempt(
      JSON.stringify(signal),
      () => listenWith(server, { port: 0, host: '127.0.0.1', signal }) === server,
    );
    log.note('listening', server.listening, server.listenerCount('close'));
    await turns();
    server.close();
    await turns();
  }
});

for (const [kind, options] of Object.entries(WHERE)) {
  differential(`signal: aborted already, of a ${kind}`, async (stage) => {
    const { log } = stage;
    const server = stage.watched();
    const signal = AbortSignal.abort();
    log.attempt('listen', () => listenWith(server, { ...options(stage.path()), signal }) === server);
    log.note('at once', server.listening);
    log.marks('listen');
    await once(server, 'close');
    log.note('then', server.listening, getEventListeners(signal, 'abort').length);
    await turns();
  });

  differential(`signal: aborted in the same turn, of a ${kind}`, async (stage) => {
    const { log } = stage;
    const server = stage.watched();
    const giveUp = new AbortController();
    listenWith(server, { ...options(stage.path()), signal: giveUp.signal });
    giveUp.abort();
    log.note('at once', server.listening);
    log.marks('abort');
    await once(server, 'close');
    log.note('then', server.listening);
    await turns();
  });

  differential(`signal: aborted while it listens, of a ${kind}`, async (stage) => {
    const { log } = stage;
    const server = stage.watched();
    const giveUp = new AbortController();
    listenWith(server, { ...options(stage.path()), signal: giveUp.signal });
    await once(server, 'listening');
    log.note('heard by', getEventListeners(giveUp.signal, 'abort').length);
    giveUp.abort(new Error('enough'));
    log.note('at once', server.listening);
    log.marks('abort');
    await once(server, 'close');
    log.note('then', server.listening, getEventListeners(giveUp.signal, 'abort').length);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    await closed(server);
  });
}

differential('signal: aborted with a connection open', async (stage) => {
  const { log } = stage;
  const server = stage.watched();
  const giveUp = new AbortController();
  const port = await stage.listening(server, { signal: giveUp.signal });
  const [client] = await Promise.all([stage.connected(port), once(server, 'connection')]);
  giveUp.abort();
  await turns();
  log.note('listening', server.listening, client.destroyed);
  client.end();
  stage.release();
  await once(server, 'close');
});

differential("signal: aborted in 'listening' and in 'connection'", async (stage) => {
  const { log } = stage;
  const early = stage.watched();
  const first = new AbortController();
  early.on('listening', () => first.abort());
  early.listen({ port: 0, host: '127.0.0.1', signal: first.signal });
  await once(early, 'close');

  const late = stage.watched();
  const second = new AbortController();
  late.on('connection', () => second.abort());
  const port = await stage.listening(late, { signal: second.signal });
  await Promise.all([stage.connected(port), once(late, 'connection')]);
  log.note('listening', late.listening);
  stage.release();
  await once(late, 'close');
});

differential('signal: aborted after close, and after an error', async (stage) => {
  const { log } = stage;
  const server = stage.watched();
  const giveUp = new AbortController();
  const port = await stage.listening(server, { signal: giveUp.signal });
  const second = stage.watched();
  second.listen({ port, host: '127.0.0.1', signal: giveUp.signal });
  await firstOf(second, 'error');
  await closed(server);
  log.note('heard by', getEventListeners(giveUp.signal, 'abort').length);
  giveUp.abort();
  await turns();
  log.note('listening', server.listening, second.listening);
});

differential('signal: aborted while a name is looked up', async (stage) => {
  const { log } = stage;
  const server = stage.watched();
  const giveUp = new AbortController();
  server.listen({ port: 0, host: 'localhost', signal: giveUp.signal });
  giveUp.abort();
  await once(server, 'close');
  let looked = false;
  lookup('localhost', () => (looked = true));
  await until(() => looked);
  await turns();
  log.note('listening', server.listening);
});
