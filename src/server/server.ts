import * as net from 'node:net';
import type { AcceptLoopOptions } from '../accept-loop/options';
import type { PressureReading } from '../socket/pressure';
import { invalidArgValue, type SystemCallError } from '../errors';
import { askedLoop } from './asked-loop';
import { ListeningSide, type Listen } from './listening-side';

const ONLY_OF_THE_LOOP = ['overload', 'maxWaitMs', 'maxWaiting', 'pressure'];

// Kept, as somebody may put this module's in their place.
const NetServer = net.Server;

export interface ServerOptions extends net.ServerOpts {
  /**
   * How connections are accepted: on a worker thread (the default), with these options of `acceptLoop`; or, with false, by
   * libuv on this thread, as net.Server does it, which at EMFILE closes what waits.
   */
  acceptLoop?: boolean | AcceptLoopOptions | undefined;
}

/** What a server tells of its accept loop: see `AcceptLoop`. */
export interface ServerEvents {
  on(event: 'shortage', listener: (error: SystemCallError) => void): this;
  on(event: 'pressure' | 'relief', listener: (reading: PressureReading) => void): this;
  once(event: 'shortage', listener: (error: SystemCallError) => void): this;
  once(event: 'pressure' | 'relief', listener: (reading: PressureReading) => void): this;
}

/** Of node:net's Server, with the events of its accept loop. */
export type Server = ServerEvents & net.Server;

export interface ServerConstructor extends Omit<typeof net.Server, 'prototype'> {
  new (connectionListener?: (socket: net.Socket) => void): Server;
  new (options?: ServerOptions, connectionListener?: (socket: net.Socket) => void): Server;
  (connectionListener?: (socket: net.Socket) => void): Server;
  (options?: ServerOptions, connectionListener?: (socket: net.Socket) => void): Server;
  readonly prototype: Server;
}

/**
 * net.Server with a listening side of its own: an `instanceof` it, with all of its methods, properties, events, errors and
 * their order, since they are Node's, in whichever version runs. It differs in three things.
 *
 * - The backlog reaches listen(2) untouched: 0 is 0, -1 is -1. Without one it is 511, as in Node. One that is no int32 is
 *   refused: ERR_OUT_OF_RANGE, ERR_INVALID_ARG_TYPE.
 * - Connections are accepted on a worker thread, also while this one is busy, unless `acceptLoop: false`.
 * - At EMFILE nothing that waits is thrown away: the kernel keeps it, and 'shortage' is emitted, with the SystemCallError;
 *   without a listener the process is warned. This is the worker thread's doing.
 *
 * So `close()` finds connections that were accepted and not emitted yet: they are emitted before it returns; if a 'connection'
 * listener calls it, when that has returned.
 */
export const Server: ServerConstructor = function (
  this: unknown,
  options?: ServerOptions,
  connectionListener?: (socket: net.Socket) => void,
): unknown {
  if (!(this instanceof Server)) return new Server(options, connectionListener);
  refuseMisplaced(options);
  const loop = askedLoop(options?.acceptLoop, 'options.acceptLoop');
  // Called, as Node's own servers do it, and not constructed: a class may inherit in the old way, by Server.call(this).
  (NetServer as unknown as (...args: unknown[]) => void).call(this, options, connectionListener);
  ListeningSide.of(this).asked = loop;
  return undefined;
} as unknown as ServerConstructor;

Object.defineProperty(Server, 'name', { value: 'Server' });
Object.setPrototypeOf(Server, NetServer);
Object.setPrototypeOf(Server.prototype, NetServer.prototype);

Server.prototype.listen = function listen(this: net.Server, ...args: unknown[]): net.Server {
  ListeningSide.of(this).listen(Reflect.get(NetServer.prototype, 'listen') as Listen, args);
  return this;
} as net.Server['listen'];

/** Node passes over what it does not know; of these somebody expects something. */
function refuseMisplaced(options: unknown): void {
  const given = (options ?? {}) as Record<string, unknown>;
  const misplaced = ONLY_OF_THE_LOOP.find((name) => given[name] !== undefined);
  if (misplaced !== undefined)
    throw invalidArgValue(`options.${misplaced}`, 'belongs into options.acceptLoop', given[misplaced]);
}

/** net.createServer with the Server above. */
export function createServer(connectionListener?: (socket: net.Socket) => void): Server;
export function createServer(
  options?: ServerOptions,
  connectionListener?: (socket: net.Socket) => void,
): Server;
export function createServer(
  options?: ServerOptions | ((socket: net.Socket) => void),
  connectionListener?: (socket: net.Socket) => void,
): Server {
  return new Server(options as ServerOptions, connectionListener);
}
