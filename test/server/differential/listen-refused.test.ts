import { inspect } from 'node:util';
import { differential } from './support/differential';
import { firstOf, listenWith, turns } from './support/stage';

const PORTS = [
  -1,
  65_536,
  1e9,
  NaN,
  1.5,
  Infinity,
  '',
  ' ',
  'x',
  '-1',
  '65536',
  '1.5',
  '1e9',
  true,
  false,
  1n,
];
const OTHERS = [{}, [], [[]], Symbol('x'), () => undefined, new Date(0), /x/];

/** What listen() is called with: each is to be refused, or to turn out to be no port after all. */
const REFUSED: [string, unknown[]][] = [
  ...PORTS.map((port): [string, unknown[]] => [`port ${typeof port} ${String(port)}`, [port]]),
  ...PORTS.map((port): [string, unknown[]] => [`option port ${typeof port} ${String(port)}`, [{ port }]]),
  ...OTHERS.map((port): [string, unknown[]] => [
    `option port ${inspect(port)}`,
    [{ port, host: '127.0.0.1' }],
  ]),
  ...OTHERS.slice(0, 4).map((first): [string, unknown[]] => [`first ${inspect(first)}`, [first]]),
  ...[true, false, 5, 0, '', {}, [], null].map((path): [string, unknown[]] => [
    `option path ${JSON.stringify(path)}`,
    [{ path }],
  ]),
  ['no port and no path', [{ host: '127.0.0.1' }]],
  ['backlog only', [{ backlog: 5 }]],
  ['exclusive only', [{ exclusive: true }]],
  ['path undefined', [{ path: undefined }]],
  ['fd negative', [{ fd: -1 }]],
  ['fd as a string', [{ fd: '0' }]],
  ['fd NaN', [{ fd: NaN }]],
  ['fd null', [{ fd: null }]],
  ['handle null', [{ handle: null }]],
  ['handle of nothing', [{ handle: {} }]],
  ['handle a number', [{ handle: 5 }]],
  ['port and a bad host', [0, {}]],
  ['option host a number', [{ port: 0, host: 5 }]],
  ['option host an object', [{ port: 0, host: {} }]],
  ['option host true', [{ port: 0, host: true }]],
  ['abstract path with readableAll', [{ path: '\0listenq-x', readableAll: true }]],
  ['abstract path with writableAll', [{ path: '\0listenq-x', writableAll: true }]],
];

differential('listen: what is refused, and when', async (stage) => {
  const { log } = stage;
  for (const [name, args] of REFUSED) {
    const server = stage.watched();
    const over = firstOf(server, 'listening', 'error');
    const tried = log.attempt(name, () => listenWith(server, ...args) === server);
    log.note('listening', server.listening);
    const chosen = server.address();
    if (typeof chosen === 'object' && chosen !== null) log.name(chosen.port, 'chosen');
    log.note('address', chosen);
    if (tried === true) await over;
    if (server.listening) server.close();
    await turns();
  }
});

differential('listen: refused once, a server listens all the same', async (stage) => {
  const { log } = stage;
  const server = stage.watched();
  log.attempt('a bad port', () => server.listen(-1, () => log.note('callback of the first')));
  log.note('listening', server.listening, server.listenerCount('listening'));
  const port = await stage.listening(server);
  log.note('then', server.listening, port > 0);
  log.attempt('again', () => server.listen(port));
  log.attempt('again, badly', () => server.listen(-1));
  log.attempt('with an unknown host', () => server.listen(0, 'x'));
  log.attempt('with a path', () => server.listen(stage.path()));
  log.note('listening', server.listening);
  server.close();
  await firstOf(server, 'close');
});
