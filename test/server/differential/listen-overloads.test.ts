import type * as net from 'node:net';
import { differential } from './support/differential';
import { closed, firstOf, listenWith, type Stage } from './support/stage';

/** Ports of this file's own network namespace. */
const PORT = 18_211;
const callback = (): void => undefined;

type Arguments = unknown[] | ((stage: Stage) => unknown[]);

/** What listen() is called with: each is to lead to a server that listens. */
const LISTENS: Record<string, Arguments> = {
  nothing: [],
  undefined: [undefined],
  null: [null],
  'a callback': [callback],
  'null and a callback': [null, callback],
  'undefined and a callback': [undefined, callback],
  'two undefined': [undefined, undefined],
  'port 0': [0],
  'port 0 as a string': ['0'],
  'a port': [PORT],
  'a port as a string': [String(PORT)],
  'a port in hexadecimal': ['0x4723'],
  'a port with spaces': [` ${PORT} `],
  'port, callback': [PORT, callback],
  'port, undefined, callback': [PORT, undefined, callback],
  'port, host': [PORT, '127.0.0.1'],
  'port, IPv6': [PORT, '::1'],
  'port, all of IPv6': [PORT, '::'],
  'port, all of IPv4': [PORT, '0.0.0.0'],
  'port, empty host': [PORT, ''],
  'port, null host': [PORT, null],
  'port, host, callback': [PORT, '127.0.0.1', callback],
  'port, host, backlog': [PORT, '127.0.0.1', 7],
  'port, host, backlog, callback': [PORT, '127.0.0.1', 7, callback],
  'port, host, undefined, callback': [PORT, '127.0.0.1', undefined, callback],
  'port, backlog': [PORT, 7],
  'port, backlog, callback': [PORT, 7, callback],
  'port, null, backlog': [PORT, null, 7],
  'an option port': [{ port: PORT }],
  'an option port as a string': [{ port: String(PORT) }],
  'option port undefined': [{ port: undefined }],
  'option port null': [{ port: null }],
  'option port and callback': [{ port: PORT }, callback],
  'options of both ends': [{ port: PORT, host: '127.0.0.1', backlog: 7, exclusive: true }],
  'option host undefined': [{ port: PORT, host: undefined }],
  'option backlog as positional': [{ port: PORT }, 7],
  ipv6Only: [{ port: PORT, host: '::', ipv6Only: true }],
  'ipv6Only without a host': [{ port: PORT, ipv6Only: true }],
  'ipv6Only of IPv4': [{ port: PORT, host: '127.0.0.1', ipv6Only: true }],
  'exclusive of an odd type': [{ port: PORT, exclusive: 'x' }],
  'unknown options': [{ port: PORT, host: '127.0.0.1', nobodyKnows: true }],
  'port and path': (stage) => [{ port: PORT, path: stage.path() }],
  'port null and path': (stage) => [{ port: null, path: stage.path() }],
  'a path': (stage) => [stage.path()],
  'path, callback': (stage) => [stage.path(), callback],
  'path, backlog': (stage) => [stage.path(), 7],
  'path, backlog, callback': (stage) => [stage.path(), 7, callback],
  'an option path': (stage) => [{ path: stage.path() }],
  'option path, callback': (stage) => [{ path: stage.path() }, callback],
  'option path and backlog': (stage) => [{ path: stage.path(), backlog: 7 }],
  'an abstract path': ['\0listenq-differential'],
  'an option of an abstract path': [{ path: '\0listenq-differential' }],
};

for (const [name, args] of Object.entries(LISTENS)) {
  differential(`listen: ${name}`, (stage) => listens(stage, args));
}

async function listens(stage: Stage, args: Arguments): Promise<void> {
  const { log } = stage;
  const server = stage.watched();
  const given = (typeof args === 'function' ? args(stage) : args).map(heard);
  log.note('before', server.listening, server.address());
  log.attempt('listen', () => listenWith(server, ...given) === server);
  log.note('after', server.listening);
  log.note('address', nameChosen(server));
  log.marks('listen');
  await firstOf(server, 'listening', 'error');
  log.note('address', nameChosen(server));
  log.note('key', (server as { _connectionKey?: string })._connectionKey);
  log.attempt('listen again', () => server.listen(0));
  await closed(server);
  log.note('closed', server.listening, server.address());

  /** The callback, told from others by what it records. */
  function heard(one: unknown): unknown {
    if (one !== callback) return one;
    return function (this: unknown, ...values: unknown[]): void {
      log.note('callback', this === server, ...values);
    };
  }

  function nameChosen(of: net.Server): unknown {
    const address = of.address();
    if (typeof address === 'object' && address !== null && address.port !== PORT)
      log.name(address.port, 'chosen');
    return address;
  }
}

differential('listen: a name is looked up, and nothing listens until then', async (stage) => {
  const server = stage.watched();
  server.listen({ port: PORT, host: 'localhost' });
  stage.log.note('at once', server.listening, server.address());
  await firstOf(server, 'listening', 'error');
  stage.log.note('then', server.listening, server.address());
  await closed(server);
});

differential('listen: again while the name is looked up', async (stage) => {
  const server = stage.watched();
  server.listen(PORT, 'localhost');
  stage.log.attempt('listen again', () => server.listen(PORT + 1, '127.0.0.1') === server);
  await firstOf(server, 'listening', 'error');
  stage.log.note('then', server.address());
  await closed(server);
});

differential('listen: closed while the name is looked up', async (stage) => {
  const server = stage.watched();
  server.listen(PORT, 'localhost');
  const over = firstOf(server, 'close');
  server.close((error) => stage.log.note('closed', error));
  await over;
  stage.log.note('then', server.listening);
  const second = stage.watched();
  await stage.listening(second, { host: 'localhost' });
  await closed(second);
});

differential('listen: dual stack hears IPv4, ipv6Only does not', async (stage) => {
  for (const ipv6Only of [false, true]) {
    const server = stage.createServer();
    const port = await stage.listening(server, { host: '::', ipv6Only });
    const client = stage.client({ port, host: '127.0.0.1' });
    await firstOf(client, 'connect', 'error');
    stage.log.note('IPv4', client.readyState);
    const six = stage.client({ port, host: '::1' });
    await firstOf(six, 'connect', 'error');
    stage.log.note('IPv6', six.readyState);
    stage.release();
    await closed(server);
  }
});
