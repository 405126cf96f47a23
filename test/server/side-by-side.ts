import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as net from 'node:net';
import type { AcceptLoopOptions, Listener } from 'listenq';
import { attach, type AttachOptions } from 'listenq/server';

/** Has a server listen on a port of loopback, and gives the port. */
export type Start = (server: net.Server) => Promise<number>;

/** Runs `script` with a server that listens by itself, then with one that is attached; both must have seen the same. */
export async function sameBothWays<T>(script: (start: Start) => Promise<T>): Promise<T> {
  const plain = await withStart((server) => server.listen({ port: 0, host: '127.0.0.1' }), script);
  const attached = await withStart((server) => attach(server, { port: 0, host: '127.0.0.1' }), script);
  assert.deepEqual(attached, plain);
  return attached;
}

async function withStart<T>(listen: (server: net.Server) => void, script: (start: Start) => Promise<T>) {
  const started = new Map<net.Server, Iterable<net.Socket>>();
  try {
    return await script(async (server) => {
      started.set(server, socketsOf(server));
      listen(server);
      await once(server, 'listening');
      return portOf(server);
    });
  } finally {
    for (const [server, sockets] of started) await stop(server, sockets);
  }
}

/** Runs `use` with an attached server that listens, and stops it whatever happens. */
export async function withAttached<S extends net.Server, T>(
  server: S,
  use: (server: S, port: number) => T | Promise<T>,
  options: AcceptLoopOptions = {},
  where: AttachOptions | Listener = { port: 0, host: '127.0.0.1' },
): Promise<T> {
  const sockets = socketsOf(server);
  attach(server, where, options);
  try {
    if (!server.listening) await once(server, 'listening');
    return await use(server, portOf(server));
  } finally {
    await stop(server, sockets);
  }
}

/** 0 for one that listens at a path. */
export function portOf(server: net.Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** The descriptor of a server or socket. */
export function descriptorOf(owner: net.Server | net.Socket): number {
  return (owner as unknown as { _handle: { fd: number } })._handle.fd;
}

/** Closes a server, and what it still serves after a failure, if it listens. */
export async function stop(server: net.Server, serving: Iterable<net.Socket> = []): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  for (const socket of serving) socket.destroy();
  await closed;
}

/** The sockets of a server. */
function socketsOf(server: net.Server): Iterable<net.Socket> {
  const sockets: net.Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket));
  return sockets;
}

/** A client that sends bytes, and keeps what it gets. */
export class Client {
  text = '';
  /** How the stream has ended, with the code of an error; undefined while it has not. */
  ended: string | undefined;
  readonly socket: net.Socket;

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => (this.text += text));
    socket.on('end', () => (this.ended ??= 'end'));
    socket.on('error', (error: NodeJS.ErrnoException) => (this.ended ??= error.code ?? error.message));
    socket.on('close', () => (this.ended ??= 'close'));
  }

  static to(port: number, say = ''): Client {
    const client = new Client(net.connect(port, '127.0.0.1'));
    if (say !== '') client.say(say);
    return client;
  }

  say(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** Waits until what came matches. */
  async has(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.text)) {
      assert.equal(this.ended, undefined, `ended without ${pattern}: ${this.text}`);
      await Promise.race([once(this.socket, 'data'), once(this.socket, 'close')]);
    }
  }

  /** Waits for the end, and gives all that came and how it ended. */
  async all(): Promise<string> {
    if (!this.socket.destroyed) await new Promise((resolve) => this.socket.once('close', resolve));
    return `${this.text}(${this.ended})`;
  }
}

/** The status of each answer in a stream. */
export function statuses(text: string): string[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status as string);
}

/** Notes the events of a server, in their order, until it is told not to. */
export function noting(server: net.Server, ...events: string[]): string[] {
  const seen: string[] = [];
  for (const event of events) server.on(event, () => seen.push(event));
  return seen;
}
