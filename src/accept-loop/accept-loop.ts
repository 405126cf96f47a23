import { AsyncResource } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { acceptThreadEnded, illegalConstructor, listenerClosed, loopClosed } from '../errors';
import type { News } from '../native/contract';
import { makeAccepted, type Connection } from '../socket/connection';
import { listen, type ListenOptions } from '../socket/listen';
import type { Listener } from '../socket/listener';
import { packedPeer } from '../socket/names';
import * as check from '../validate';
import { emitting } from './emitting';
import type { AcceptLoopEvents, CloseReport } from './events';
import { Intake } from './intake';
import { listenerList, type ListenerList } from './listener-list';
import {
  checkAccept,
  checkClose,
  checkListenOptions,
  checkOptions,
  DRAIN_TIMEOUT_MS,
  givenListeners,
  type AcceptLoopOptions,
  type AcceptOptions,
  type CheckedOptions,
  type CloseOptions,
} from './options';
import { statsOf, type AcceptLoopStats } from './stats';
import { Reports } from './reports';
import { startThread } from './thread';
import { onAbort } from './on-abort';
import { timeLimit } from './time-limit';
import { Waiters } from './waiters';

/** How long the end of a loop may hold this thread until the accepting one has let go of the listeners. */
const LET_GO_MS = 200;
const INTERNAL = Symbol('listenq.internal');
let construct: (listeners: Listener[], options: CheckedOptions, receive?: Receive) => AcceptLoop;
let endAtOnce: (loop: AcceptLoop) => void;
let intakeOf: (loop: AcceptLoop) => Intake;

/** Takes a connection's descriptor over, at once. `onEnd` wants to be told when it is closed. */
export type Receive = (fd: number, onEnd: (() => void) | undefined) => void;

/**
 * Accepts on a thread of its own and hands the connections to the thread that made it, which owns it. Made by
 * `acceptLoop`. Keeps the process alive until it is closed or unref'ed.
 *
 * The thread goes on while this one is busy: connections leave the kernel's queue up to `highWaterMark`, and wait here.
 * They are taken by `accept()`, by async iteration, or by a 'connection' listener, in that order where several are used;
 * oldest first; at most 64 in one turn of the event loop. This thread is woken once for a burst.
 */
export class AcceptLoop extends EventEmitter<AcceptLoopEvents> implements AsyncIterable<Connection> {
  /** What it accepts from. The loop closes them when it is closed. */
  override readonly listeners: ListenerList<AcceptLoopEvents>;
  /** The bound in force: as asked, or the default. */
  readonly highWaterMark: number;
  /** What AsyncLocalStorage has here, it has in 'connection'. */
  readonly #scope = new AsyncResource('listenq.AcceptLoop');
  readonly #intake: Intake;
  readonly #thread: Worker;
  readonly #threadEnded: Promise<void>;
  readonly #waiters = new Waiters(() => this.#intake.handoff.want(this.#wanted()));
  readonly #onConnectionEnd: (() => void) | undefined;
  /** Gets what nobody waits for, instead of 'connection'. */
  readonly #receive: Receive | undefined;
  #paused = false;
  /** Nothing is handed out any more. */
  #over = false;
  #reason: Error | undefined;
  #ending: Promise<CloseReport> | undefined;
  #hurry: (() => void) | undefined;
  readonly #unwatch: () => void;
  readonly #reports: Reports;

  readonly #onNewListener = (event: string | symbol): void => {
    if (event !== 'connection') return;
    if (!this.#paused) this.#intake.handoff.want(Math.max(this.#waiters.size, 1));
    process.nextTick(() => this.#intake.deliver());
  };
  /** Without a 'connection' listener one taker less waits. */
  readonly #onRemoveListener = (): void => this.#intake.handoff.want(this.#wanted());

  static {
    construct = (...parts) => new AcceptLoop(INTERNAL, ...parts);
    endAtOnce = (loop) => loop.#endAtOnce();
    intakeOf = (loop) => loop.#intake;
  }

  private constructor(guard: symbol, listeners: Listener[], options: CheckedOptions, receive?: Receive) {
    if (guard !== INTERNAL) throw illegalConstructor('AcceptLoop', 'acceptLoop(source, options)');
    super();
    this.listeners = listenerList(listeners, (event) => super.listeners(event));
    this.highWaterMark = options.highWaterMark;
    this.#receive = receive;
    this.#intake = new Intake(options, {
      handOut: () => this.#handOutOne(),
      hear: (news) => this.#hear(news),
    });
    const { handoff } = this.#intake;
    if (options.maxConnections >= 0) this.#onConnectionEnd = () => handoff.closed();
    try {
      this.#thread = startThread(handoff, listeners, options);
    } catch (error) {
      handoff.end();
      throw error;
    }
    this.#threadEnded = new Promise((resolve) => this.#thread.once('exit', () => resolve()));
    this.#thread.once('error', (error) => this.#fail(error));
    this.#thread.once('exit', () => this.#onThreadEnd());
    this.#followListeners();
    this.#unwatch = onAbort(options.signal, (reason) => {
      this.#reason ??= reason;
      void this.close();
    });
    this.#reports = new Reports(this, this.#intake, options);
  }

  /** Whether it is closed, by `close()`, an abort, an error, or the end of its listeners. */
  get closed(): boolean {
    return this.#over;
  }

  /**
   * Takes the oldest connection, which the caller owns; waits while there is none. Callers are served in their order.
   *
   * @returns rejects with ERR_LISTENER_CLOSED once the loop is closed, with the error that ended it, or with the reason of
   *   a signal
   */
  async accept(options: AcceptOptions = {}): Promise<Connection> {
    const signal = checkAccept(options);
    if (this.#over) throw this.#whyOver();
    const fd = this.#waiters.size === 0 ? this.#intake.take(1) : undefined;
    if (fd !== undefined) return this.#connectionOf(fd);
    // Whoever heard of losses meanwhile may have closed it.
    if (this.closed) throw this.#whyOver();
    return this.#waiters.add(signal);
  }

  /** Connections as they come, until the loop is closed. Leaving the iteration leaves the loop as it is. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Connection> {
    const next = async (): Promise<IteratorResult<Connection, undefined>> => {
      try {
        return { done: false, value: await this.accept() };
      } catch (error) {
        if (this.#reason !== undefined) throw error;
        return { done: true, value: undefined };
      }
    };
    const iterator = { next, [Symbol.asyncIterator]: () => iterator };
    return iterator;
  }

  /** Stops accepting, and emitting 'connection': what comes waits in the kernel. One that is being accepted at this moment
   * may still arrive; `accept()` still gives those that have. */
  pause(): this {
    this.#paused = true;
    this.#intake.handoff.pause(true);
    return this;
  }

  resume(): this {
    this.#paused = false;
    this.#intake.handoff.pause(false);
    process.nextTick(() => this.#intake.deliver());
    return this;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Counts so far; of a closed loop, to its end. */
  stats(): AcceptLoopStats {
    return statsOf(this.#intake.handoff.stats(), this.#onConnectionEnd !== undefined);
  }

  /** Changes the backlog of each listener that is open: listen(2) again. @throws ERR_LISTENER_CLOSED */
  setBacklog(backlog: number): void {
    check.int32(backlog, 'backlog');
    if (this.#over) throw loopClosed('setBacklog');
    const open = this.listeners.filter((listener) => !listener.closed);
    if (open.length === 0) throw listenerClosed('setBacklog');
    for (const listener of open) listener.setBacklog(backlog);
  }

  /** Keeps the process alive again, after `unref()`. */
  ref(): this {
    if (!this.#over) this.#intake.handoff.ref();
    return this;
  }

  /** Lets the process end although the loop is open. */
  unref(): this {
    this.#intake.handoff.unref();
    return this;
  }

  /**
   * Stops accepting, closes the listeners and what nobody has taken, and ends the thread. Of clients that the kernel has
   * queued, each gets a reset, unless `drain` is set: then they are accepted first, whatever `highWaterMark` says, and
   * handed out; a paused loop resumes. A later call with no `drain` ends the draining.
   *
   * Draining begins by letting no new client in, so that none is reset in the end: a TCP listener drops SYNs (the client
   * tries again after a second), those whose handshake is under way get 100 ms, an AF_UNIX listener refuses. This changes
   * the socket, so it is left out where another process may have it too: of a listener that was adopted by `fd`, or whose
   * `fd` was read. There the queue lives on in that process; if there is none, a client that connects in the last
   * microseconds is reset.
   *
   * @returns when all that is done, within `timeoutMs` and a moment; a second call waits for the same.
   */
  async close(options: CloseOptions = {}): Promise<CloseReport> {
    const { drain, timeoutMs } = checkClose(options);
    if (!drain) {
      this.#hurry?.();
      if (this.#ending === undefined) this.#endAtOnce();
    }
    return (this.#ending ??= drain ? this.#drain(timeoutMs) : this.#end());
  }

  override removeAllListeners(...event: [] | [event?: string | symbol]): this {
    // Not the same as with an undefined event.
    super.removeAllListeners(...event);
    this.#followListeners();
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Hears of 'connection' listeners that come and go. Removed with all others, this comes back. */
  #followListeners(): void {
    const emitter = this as EventEmitter;
    if (emitter.listenerCount('newListener', this.#onNewListener) === 0)
      emitter.on('newListener', this.#onNewListener);
    if (emitter.listenerCount('removeListener', this.#onRemoveListener) === 0)
      emitter.on('removeListener', this.#onRemoveListener);
    this.#onRemoveListener();
  }

  #handOutOne(): boolean {
    if (this.#over) return false;
    const awaited = this.#waiters.size > 0;
    if (!awaited && !this.#flows()) {
      this.#intake.hearNews();
      return false;
    }
    const fd = this.#intake.take(this.#wanted());
    if (fd === undefined) return false;
    if (awaited) {
      const connection = this.#connectionOf(fd);
      // Who was told of it, or of losses before it, may have closed the loop, or sent the caller away.
      if (!this.#waiters.resolve(connection)) connection.close();
    } else if (this.#receive !== undefined) {
      this.#reports.handedOut(fd);
      this.#receive(fd, this.#onConnectionEnd);
    } else {
      const connection = this.#connectionOf(fd);
      this.#scope.runInAsyncScope(() => this.emit('connection', connection));
    }
    return true;
  }

  /** Of the descriptor that was taken last. */
  #connectionOf(fd: number): Connection {
    const connection = makeAccepted(fd, packedPeer(0), this.#onConnectionEnd);
    this.#reports.handedOut(fd, connection);
    return connection;
  }

  /** Whether there is somebody to hand connections to who does not ask for them. */
  #flows(): boolean {
    return !this.#paused && (this.#receive !== undefined || this.listenerCount('connection') > 0);
  }

  /** How many wait for a connection. */
  #wanted(): number {
    return Math.max(this.#waiters.size, this.#flows() ? 1 : 0);
  }

  #hear([kind, error]: News): void {
    if (kind === 2) this.#reports.losses();
    else if (kind === 0) this.#fail(error);
    else this.#reports.shortage(error);
  }

  /** The thread ends, or has ended, because of `error`. */
  #fail(error: Error): void {
    this.#reason ??= error;
  }

  #onThreadEnd(): void {
    if (this.#ending !== undefined) return;
    this.#intake.hearNews();
    // Somebody closed the listeners, or it is a failure. Either way what has been accepted is handed out first.
    if (this.#reason === undefined && this.listeners.some((listener) => !listener.closed))
      this.#fail(acceptThreadEnded());
    this.#ending = this.#drain(DRAIN_TIMEOUT_MS, this.#reason);
  }

  async #drain(timeoutMs: number, failure?: Error): Promise<CloseReport> {
    const hurry = new Promise<void>((resolve) => (this.#hurry = resolve));
    const inTime = timeLimit(timeoutMs, () => this.#hurry?.());
    this.#thread.ref();
    this.#intake.handoff.stop(true);
    this.resume();
    await Promise.race([hurry, this.#threadEnded.then(() => this.#emptied())]);
    inTime();
    this.#hurry = undefined;
    return this.#end(failure);
  }

  /** Waits until what was accepted is taken. */
  #emptied(): Promise<void> {
    if (this.#intake.waiting === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#intake.onEmpty = resolve));
  }

  /** As `close()`, but has the listeners closed when it returns, and passes on what was accepted before. */
  #endAtOnce(): void {
    if (this.#over || this.#receive === undefined) return;
    const { handoff } = this.#intake;
    handoff.stop(false);
    for (const listener of this.listeners) listener.close();
    handoff.waitUntilLeft(LET_GO_MS);
    const receive = this.#receive;
    this.#intake.empty((fd) => {
      this.#reports.handedOut(fd);
      emitting(() => receive(fd, this.#onConnectionEnd));
    });
    this.#ending ??= this.#end();
  }

  async #end(failure?: Error): Promise<CloseReport> {
    this.#over = true;
    this.#thread.ref();
    this.#intake.handoff.stop(false);
    for (const listener of this.listeners) listener.close();
    this.#waiters.reject(this.#whyOver());
    await this.#threadEnded;
    this.#unwatch();
    this.#reports.end();
    const report = { untaken: this.#intake.handoff.end() };
    // Whoever waits in accept() is told there; whoever listens to events, here.
    const listens = this.listenerCount('error') + this.listenerCount('connection') > 0;
    if (failure !== undefined && listens) emitting(() => this.emit('error', failure));
    emitting(() => this.emit('close', report));
    return report;
  }

  #whyOver(): Error {
    return this.#reason ?? loopClosed('accept');
  }
}

/**
 * Runs a blocking-style accept loop on a worker thread and hands what it accepts to this one: poll(2), and accept4(2) with
 * SOCK_CLOEXEC and SOCK_NONBLOCK until the queue is empty or the bound is reached. Does not block. Works in a worker too.
 *
 * @param source a Listener, several, or options to `listen` with. The loop closes them when it is closed
 * @throws what `listen` throws; ERR_LISTENER_CLOSED for one that is closed or detached; the reason of an aborted signal;
 *   TypeError and RangeError. Then nothing was started, and a Listener that was given is as before
 */
export function acceptLoop(
  source: Listener | Iterable<Listener> | ListenOptions,
  options: AcceptLoopOptions = {},
): AcceptLoop {
  const checked = checkOptions(options);
  const given = givenListeners(source);
  if (given !== undefined) return construct(given, checked);
  const listener = listen(checkListenOptions(source));
  try {
    return construct([listener], checked);
  } catch (error) {
    listener.close();
    throw error;
  }
}

/** The same for somebody who takes each connection as a bare descriptor, when it comes; the listeners become the loop's. */
export function startLoop(listeners: Listener[], options: CheckedOptions, receive: Receive): AcceptLoop {
  return construct(listeners, options, receive);
}

/** Ends such a loop: when this returns its listeners are closed, unless the accepting thread was kept from running, and
 * what it had accepted is received. */
export function endLoop(loop: AcceptLoop): void {
  endAtOnce(loop);
}

/** Has `observe` told how long each connection waited, in milliseconds, when it is handed out. @returns ends that */
export function observeWaits(loop: AcceptLoop, observe: (waitedMs: number) => void): () => void {
  const { waitObservers } = intakeOf(loop);
  waitObservers.add(observe);
  return () => waitObservers.delete(observe);
}
