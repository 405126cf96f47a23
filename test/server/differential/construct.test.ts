import { once } from 'node:events';
import * as net from 'node:net';
import { inherits, inspect } from 'node:util';
import { differential } from './support/differential';
import type { Recorder } from './support/recorder';
import { closed, turns, until } from './support/stage';

/** The properties that net.Server gives a new server. */
const PROPERTIES = [
  ...['allowHalfOpen', 'pauseOnConnect', 'noDelay', 'keepAlive', 'keepAliveInitialDelay', 'highWaterMark'],
  ...['maxConnections', 'dropMaxConnection', 'blockList', 'listening', '_connections', '_handle'],
  ...['_unref', '_usingWorkers', '_workers', '_listeningId', '_pipeName', '_connectionKey'],
];

function describe(log: Recorder, what: string, server: net.Server): void {
  const fields = server as unknown as Record<string, unknown>;
  log.note(what, Object.fromEntries(PROPERTIES.map((name) => [name, fields[name]])));
  log.note(`${what} is`, server instanceof net.Server, server.constructor.name, server.address());
  log.note(`${what} hears`, server.listenerCount('connection'), server.eventNames());
}

const listener = (): void => undefined;
const ARGUMENTS: unknown[][] = [
  [],
  [undefined],
  [null],
  [{}],
  [listener],
  [{}, listener],
  [null, listener],
  [undefined, listener],
  [listener, listener],
  [{}, 'x'],
  [{}, null],
  [{}, {}],
  [[]],
  [{ allowHalfOpen: true, pauseOnConnect: true, noDelay: true, keepAlive: true }],
  [{ allowHalfOpen: 1, pauseOnConnect: 1, noDelay: 'x', keepAlive: {} }],
  [{ allowHalfOpen: null, pauseOnConnect: 0, noDelay: '', keepAlive: undefined }],
  [{ nobodyKnows: 1 }],
  ['x'],
  [5],
  [true],
  [Symbol('x')],
  [1n],
];
const NUMBERS = [0, 1, 999, 1000, 65_536, -1, 1.5, NaN, Infinity, null, undefined, '1', '', true, {}, [], 1n];

differential('createServer: each kind of argument', async ({ createServer, log }) => {
  for (const args of ARGUMENTS) {
    const server = log.attempt(args.map(String).join(), () => createServer(...args));
    if (server !== undefined) describe(log, 'it', server);
  }
  await turns();
});

for (const option of ['keepAliveInitialDelay', 'highWaterMark']) {
  differential(`createServer: ${option} of each type`, async ({ createServer, log }) => {
    for (const value of NUMBERS) {
      const server = log.attempt(inspect(value), () => createServer({ [option]: value, keepAlive: true }));
      if (server !== undefined) describe(log, 'it', server);
    }
    await turns();
  });
}

differential('createServer: blockList of each type', async ({ createServer, log }) => {
  for (const blockList of [new net.BlockList(), undefined, null, false, 0, {}, [], 'x', true]) {
    const server = log.attempt(typeof blockList, () => createServer({ blockList }));
    log.note(
      'of the class',
      (server as { blockList?: unknown } | undefined)?.blockList instanceof net.BlockList,
    );
  }
  await turns();
});

differential('createServer: what the options hold later is not asked', async ({ createServer, log }) => {
  const options = { noDelay: true, highWaterMark: 5 };
  const server = createServer(options);
  Object.assign(options, { noDelay: false, highWaterMark: 7 });
  describe(log, 'server', server);
  log.note('the options', options);
  await turns();
});

differential('Server: with and without new', async ({ Server, log }) => {
  const callable = Server as unknown as (...args: unknown[]) => net.Server;
  describe(log, 'new', new Server());
  describe(log, 'new with a listener', new Server(listener));
  describe(log, 'new with both', new Server({ noDelay: true }, listener));
  describe(log, 'called', callable());
  describe(log, 'called with both', callable({ noDelay: true }, listener));
  log.attempt('called with a bad option', () => callable({ highWaterMark: 'x' }));
  log.attempt('called with bad options', () => callable('x'));
  await turns();
});

differential('Server: a class that extends it serves', async (stage) => {
  const { Server, log } = stage;
  class Counting extends Server {
    seen = 0;
    constructor(options: net.ServerOpts) {
      super(options, () => (this.seen += 1));
    }
    override close(callback?: (error?: Error) => void): this {
      log.note('close of the class');
      return super.close(callback);
    }
    override address(): null {
      return null;
    }
  }
  const server = stage.own(new Counting({ noDelay: true }));
  describe(log, 'it', server);
  log.note('of its class', server instanceof Counting, server instanceof Server);
  server.listen(0, '127.0.0.1');
  await turns();
  const { port } = net.Server.prototype.address.call(server) as net.AddressInfo;
  log.note('overridden', server.address());
  await stage.connected(port);
  await until(() => server.seen > 0);
  log.note('seen', server.seen);
  stage.release();
  await closed(server);
});

differential('Server: a function that inherits in the old style serves', async (stage) => {
  const { Server, log } = stage;
  function Old(this: net.Server & { name?: string }): void {
    (Server as unknown as (this: net.Server, options: object) => void).call(this, { allowHalfOpen: true });
    this.name = 'old';
  }
  inherits(Old, Server);
  const server = stage.own(new (Old as unknown as new () => net.Server)());
  describe(log, 'it', server);
  log.events('it', server, 'connection');
  const port = await stage.listening(server);
  await Promise.all([once(server, 'connection'), stage.connected(port)]);
  stage.release();
  await closed(server);
});

differential('Server: the prototype can be called on, and patched', async (stage) => {
  const { Server, log } = stage;
  const server = stage.own(new Server());
  const emit = server.emit.bind(server) as (event: string, ...args: unknown[]) => boolean;
  server.emit = (event: string, ...args: unknown[]) => {
    log.note(`emit ${event}`, args.length);
    return emit(event, ...args);
  };
  (net.Server.prototype.listen as (port: number, host: string) => net.Server).call(server, 0, '127.0.0.1');
  await turns();
  log.note('listening', server.listening, typeof net.Server.prototype.address.call(server));
  net.Server.prototype.close.call(server);
  await turns();
  log.note('listening', server.listening);
});
