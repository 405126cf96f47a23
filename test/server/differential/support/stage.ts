import { once } from 'node:events';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { Implementation } from './implementations';
import { Recorder } from './recorder';

/** What a script gets: servers of one implementation, real clients, and a record of what happens. */
export class Stage {
  readonly log = new Recorder();
  /** An empty folder of this run. */
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), 'listenq-'));
  readonly Server: typeof net.Server;
  readonly #implementation: Implementation;
  readonly #servers: net.Server[] = [];
  readonly #sockets: net.Socket[] = [];

  constructor(implementation: Implementation) {
    this.#implementation = implementation;
    this.Server = implementation.Server;
    this.log.name(this.folder, 'folder');
  }

  /** `createServer`, without TypeScript's opinion of what is a good argument. */
  readonly createServer = (...args: unknown[]): net.Server => {
    const make = this.#implementation.createServer as (...args: unknown[]) => net.Server;
    return this.own(make(...args));
  };

  /** A server whose events are kept. */
  watched(...args: unknown[]): net.Server {
    const server = this.createServer(...args);
    this.log.events('server', server, 'listening', 'connection', 'drop', 'error', 'close');
    return server;
  }

  /** Has a server closed, and what it accepted, when the script is over. */
  own<T extends net.Server>(server: T): T {
    this.#servers.push(server);
    return server.on('connection', (socket: net.Socket) => this.keep(socket));
  }

  /** Has a server closed when the script is over, and leaves it as it is. */
  closeLater(server: net.Server): void {
    this.#servers.push(server);
  }

  /** Has a socket destroyed when the script is over. */
  keep(socket: net.Socket): net.Socket {
    this.#sockets.push(socket);
    return socket.on('error', () => undefined);
  }

  /** A client, of node:net. Not yet connected. */
  client(to: number | string | net.NetConnectOpts): net.Socket {
    if (typeof to === 'object') return this.keep(net.connect(to));
    return this.keep(typeof to === 'number' ? net.connect(to, '127.0.0.1') : net.connect(to));
  }

  /** A client that is connected: it is in the accept queue, or was accepted. */
  async connected(to: number | string | net.NetConnectOpts): Promise<net.Socket> {
    const socket = this.client(to);
    await once(socket, 'connect');
    return socket;
  }

  /** Listens on a port of 127.0.0.1 that the kernel chooses. */
  async listening(server: net.Server, options: net.ListenOptions = {}): Promise<number> {
    server.listen({ port: 0, host: '127.0.0.1', ...options });
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    this.log.name(port, 'port');
    return port;
  }

  /** Destroys the sockets of both ends. */
  release(): void {
    for (const socket of this.#sockets.splice(0)) socket.destroy();
  }

  path(name = 's'): string {
    return path.join(this.folder, name);
  }

  /** Ends what the script left, and waits until it has ended. */
  async clear(): Promise<void> {
    this.release();
    for (const server of this.#servers) await ended(server);
    for (let i = 0; i < 3; i++) await turn();
    fs.rmSync(this.folder, { recursive: true });
  }
}

async function ended(server: net.Server): Promise<void> {
  if (!server.listening) return;
  server.close();
  await turn();
}

/** `server.listen`, without TypeScript's opinion. */
export function listenWith(server: net.Server, ...args: unknown[]): net.Server {
  return (server.listen as (...args: unknown[]) => net.Server).apply(server, args);
}

/** Waits for the first of some events. */
export function firstOf(emitter: NodeJS.EventEmitter, ...names: string[]): Promise<void> {
  return new Promise((resolve) => {
    for (const name of names) emitter.once(name, () => resolve());
  });
}

/** Ends a server that listens, and waits for its 'close'. */
export async function closed(server: net.Server): Promise<void> {
  const over = once(server, 'close');
  server.close();
  await over;
}

/** Waits for what another thread or the kernel brings about. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

/** Lets the event loop turn, so that what was to come of what was done has come. */
export async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}
