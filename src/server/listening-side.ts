import cluster from 'node:cluster';
import type * as net from 'node:net';
import type { AcceptLoop } from '../accept-loop/accept-loop';
import type { CheckedOptions } from '../accept-loop/options';
import { warnOfShortage } from '../accept-loop/warnings';
import { invalidArgValue } from '../errors';
import { native } from '../native/load';
import { Listener } from '../socket/listener';
import { internalsOf, type ListeningHandle, type ServerInternals } from '../socket/node-internals';
import { acceptFor, type Acceptance } from './accepting';
import type { AskedLoop } from './asked-loop';
import { askedBacklog, DEFAULT_BACKLOG, withBacklogForPrimary } from './backlog';
import { isOwnHandle, isSharedHandle } from './handle';
import { warnOfPrimary } from './warnings';

/** A server's own `listen`. */
export type Listen = (...args: unknown[]) => unknown;

/** What a side needs to know of its server, kept where the server is the key: no property of it is ours. */
const sides = new WeakMap<net.Server, ListeningSide>();

/**
 * The listening side of a net.Server, in the place of Node's: everything that the server does stays Node's own, down to the
 * handle that it listens with; that one is taken over when the server gets it, which is when `_handle` is set.
 */
export class ListeningSide {
  /** undefined: libuv accepts. */
  asked: AskedLoop | undefined;
  readonly #server: ServerInternals;
  #backlog: number | undefined;
  #listener: Listener | undefined;
  #handle: ListeningHandle | null;
  #acceptance: Acceptance | undefined;
  #emitting = 0;
  /** 'close' was due while it was held back. */
  #drained = false;

  /** Of this server: made at the first call. */
  static of(server: net.Server): ListeningSide {
    const known = sides.get(server);
    if (known !== undefined) return known;
    const side = new ListeningSide(internalsOf(server));
    sides.set(server, side);
    return side;
  }

  /** undefined if it is Node's. */
  static find(server: net.Server): ListeningSide | undefined {
    return sides.get(server);
  }

  private constructor(server: ServerInternals) {
    this.#server = server;
    this.#handle = server._handle;
    Object.defineProperty(server, '_handle', {
      configurable: true,
      enumerable: true,
      get: () => this.#handle,
      set: (handle: ListeningHandle | null) => this.#change(handle),
    });
  }

  get loop(): AcceptLoop | undefined {
    return this.#acceptance?.loop;
  }

  /** Listens as `listen`, the server's own, does; with the exact backlog. @throws what it throws; for a wrong backlog */
  listen(listen: Listen, args: readonly unknown[]): void {
    refuseListener(args[0]);
    const backlog = askedBacklog(args);
    // While it listens Node refuses, and all stays as it is.
    if (this.#handle === null) this.#backlog = backlog;
    const given = cluster.isWorker ? withBacklogForPrimary(args, backlog) : args;
    listen.apply(this.#server, [...given]);
  }

  /** Adopts a listener, whose backlog stays; `fd` is a copy of its descriptor for the server. Both are closed with it, unless
   * it does not listen afterwards. */
  adopt(listener: Listener, fd: number, path: string | undefined): void {
    const server = this.#server;
    this.#listener = listener;
    this.#backlog = undefined;
    if (path !== undefined) server._pipeName = path;
    if (server._listeningId !== undefined) server._listeningId++;
    try {
      server._listen2(null, null, null, DEFAULT_BACKLOG, fd);
    } finally {
      this.#listener = undefined;
    }
  }

  #change(handle: ListeningHandle | null): void {
    // Without a call of close: the socket moves to another thread, or to another owner.
    this.#acceptance?.leave();
    this.#acceptance = undefined;
    this.#handle = handle;
    if (handle === null) {
      this.#backlog = undefined;
      return;
    }
    if (isOwnHandle(handle)) this.#acceptance = this.#takeOver(handle);
    else if (this.asked?.byName === true) warnOfPrimary();
  }

  #takeOver(handle: ListeningHandle): Acceptance {
    const plan = { backlog: this.#backlog, loop: this.#optionsFor(handle), listener: this.#listener };
    return acceptFor(handle, plan, {
      started: (loop) => this.#follow(loop),
      ended: () => this.#server.close(),
      hold: () => this.#hold(),
      release: (closing) => this.#release(closing),
    });
  }

  /** Else a listener that closes both the server and its own connection would have 'close' emitted before the rest has come. */
  #hold(): void {
    this.#emitting++;
    this.#server._emitCloseIfDrained = () => (this.#drained = true);
  }

  #release(closing: boolean): void {
    if (--this.#emitting > 0) return;
    Reflect.deleteProperty(this.#server, '_emitCloseIfDrained');
    // close() asks by itself, after this.
    if (this.#drained && !closing) this.#server._emitCloseIfDrained();
    this.#drained = false;
  }

  /** Of a queue that all workers share nobody takes more than he serves: else one that is stuck would keep clients from
   * those that are free. */
  #optionsFor(handle: ListeningHandle): CheckedOptions | undefined {
    if (this.asked === undefined) return undefined;
    const { options, bounded } = this.asked;
    return isSharedHandle(handle) && !bounded ? { ...options, highWaterMark: 0 } : options;
  }

  /** What the loop tells, the server tells. */
  #follow(loop: AcceptLoop): void {
    const server = this.#server;
    loop.on('error', (error) => server.emit('error', error));
    loop.on('shortage', (error) => {
      if (!server.emit('shortage', error)) warnOfShortage(error);
    });
    for (const event of ['pressure', 'relief'] as const)
      loop.on(event, (reading) => server.emit(event, reading));
  }
}

const INT_MAX = 2 ** 31 - 1;

/** Node would take its descriptor for the server's own: two would close it. */
function refuseListener(first: unknown): void {
  if (first instanceof Listener)
    throw invalidArgValue('options', 'must not be a Listener: attach(server, listener) takes it over', first);
  const fd = (first as { fd?: unknown } | null | undefined)?.fd;
  if (typeof fd === 'number' && fd >= 0 && fd <= INT_MAX && native.owned(Math.trunc(fd))) {
    const reason = 'belongs to a Listener or Connection: attach(server, listener), or detach() it first';
    throw invalidArgValue('options.fd', reason, fd);
  }
}
