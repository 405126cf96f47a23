import { EventEmitter } from 'node:events';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import type { Address } from '../address';
import { illegalConstructor, listenerClosed, SystemCallError } from '../errors';
import { CEILING_MS } from '../socket/blocking';
import { listen, type ListenOptions } from '../socket/listen';
import { Listener, stopAdmitting } from '../socket/listener';
import * as check from '../validate';
import type { BlockingReport } from './blocking-messages';
import { BlockingState, Phase } from './blocking-state';
import { emitting } from './emitting';
import { HandlerThread, handlerUrl, type HandlerThreadOwner } from './handler-thread';
import { checkClose, checkSignal, type CloseOptions } from './options';
import { unpackError } from './portable-error';
import { Respawner } from './respawner';
import { timeLimit } from './time-limit';
import { warnOf } from './warnings';

export interface ServeBlockingOptions {
  /** Where to listen: options of `listen`, or a Listener, which is the server's from then on. */
  listen: ListenOptions | Listener;
  /** The module of the handler, ESM or CommonJS: a path (from the current folder), or a `file:` URL. Its default export
   * (or `module.exports`) is a function of one Connection; a promise that it returns is waited for. */
  handler: string | URL;
  /** How many connections are served at once, a thread each; the others wait in the kernel's queue. Without it, as many
   * as `os.availableParallelism()` says. */
  threads?: number | undefined;
  /** Closes the server, as `close()` does. */
  signal?: AbortSignal | undefined;
}

export interface BlockingServerStats {
  /** Connections that were handed to the handler. */
  accepted: number;
  /** How many of those it ended with an exception. */
  failed: number;
  /** Connections that are being served now. */
  active: number;
  /** Threads that died and were replaced. */
  restarts: number;
  /** How often descriptors or memory ran out. */
  shortages: number;
}

/** Of which connection an 'error' is. */
export interface HandlerFailure {
  remoteAddress: Address;
  threadId: number;
}

export interface HandlerRestart {
  threadId: number;
  exitCode: number;
  /** What ended the thread; undefined if it ended by `process.exit()`. */
  error: Error | undefined;
  /** After how long it is replaced. */
  delayMs: number;
}

export interface BlockingServerEvents {
  /** The handler threw or rejected: with the connection it was for. Or the listener failed, and the server ends. */
  error: [error: Error, failure?: HandlerFailure];
  /** A thread died. */
  restart: [restart: HandlerRestart];
  /** Descriptors or memory ran out (EMFILE, ENFILE, ENOBUFS, ENOMEM), once for an episode: the queue is left as it is. */
  shortage: [error: SystemCallError];
  /** All is closed. */
  close: [];
}

const OPTION_NAMES = ['listen', 'handler', 'threads', 'signal'];
const MOST_THREADS = 1024;
/** How long an interrupted handler may take to leave, before its thread is terminated. */
const GRACE_MS = 250;
/** How long a handshake that is under way when draining begins has to finish; as kSettle of acceptor.cc. */
const SETTLE_MS = 100;
const INTERNAL = Symbol('listenq.internal');
let construct: (parts: Parts) => BlockingServer;

interface Parts {
  listener: Listener;
  state: BlockingState;
  first: HandlerThread;
  spawn: (seat: number) => HandlerThread;
  threads: number;
  signal: AbortSignal | undefined;
}

/** Those that are open in this thread: when it ends all their threads are woken at once, and not one after another. */
const open = new Set<() => void>();
function watchExit(): void {
  for (const abandon of open) abandon();
}

/**
 * Threads that accept from one listener and serve in blocking style. Made by `serveBlocking`.
 *
 * An 'error' that nobody listens to is a process warning, and so are 'restart' and 'shortage'.
 */
export class BlockingServer extends EventEmitter<BlockingServerEvents> {
  /** The calling thread's copy: for its queue, its address, `setBacklog`. Closing it closes the server. */
  readonly listener: Listener;
  /** How many connections are served at once. */
  readonly threads: number;

  readonly #state: BlockingState;
  readonly #respawner: Respawner;
  readonly #running = new Set<HandlerThread>();
  readonly #signal: AbortSignal | undefined;
  readonly #owner: HandlerThreadOwner;
  readonly #onAbort = (): void => void this.close();
  readonly #abandon = (): void => this.#wakeAll();
  #shortages = 0;
  #held = true;
  #closing: Promise<{ interrupted: number }> | undefined;
  #allEnded: (() => void) | undefined;
  #hurry: ((timeoutMs: number) => void) | undefined;

  static {
    construct = (parts) => new BlockingServer(INTERNAL, parts);
  }

  private constructor(guard: symbol, { listener, state, first, spawn, threads, signal }: Parts) {
    if (guard !== INTERNAL) throw illegalConstructor('BlockingServer', 'serveBlocking(options)');
    super();
    this.listener = listener;
    this.threads = threads;
    this.#state = state;
    this.#signal = signal;
    this.#owner = {
      reported: (thread, report) => this.#reported(thread, report),
      ended: (thread, exitCode) => this.#ended(thread, exitCode),
    };
    this.#respawner = new Respawner((seat) => this.#fill(seat, spawn));
    this.#start(first);
    for (let seat = 1; seat < threads; seat++) this.#respawner.now(seat);
    signal?.addEventListener('abort', this.#onAbort);
    if (open.size === 0) process.on('exit', watchExit);
    open.add(this.#abandon);
  }

  /** The address that it listens at. @throws ERR_LISTENER_CLOSED */
  address(): Address {
    return this.listener.address();
  }

  stats(): BlockingServerStats {
    const { accepted, failed, active } = this.#state;
    return { accepted, failed, active, restarts: this.#respawner.count, shortages: this.#shortages };
  }

  /** Holds the process open, as it does to begin with. */
  ref(): this {
    return this.#hold(true);
  }

  /** Lets the process end while it serves. */
  unref(): this {
    return this.#hold(false);
  }

  /**
   * Ends the server: accepts no more, waits for the handlers that run, and ends their threads. What the kernel still
   * has queued is reset; with `drain` it is served first. Handlers that still run after `timeoutMs` (5000 without it) are
   * interrupted, and their threads ended. Timers and sockets that handlers left in their threads end.
   *
   * @returns how many handlers were cut off because time was up, once no thread, descriptor or listener is left. A
   *   second call waits for the same; without `drain` it ends the draining.
   */
  async close(options: CloseOptions = {}): Promise<{ interrupted: number }> {
    const { drain, timeoutMs } = checkClose(options);
    if (!drain && this.#closing !== undefined) this.#hurry?.(timeoutMs);
    return (this.#closing ??= this.#end(drain, timeoutMs));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @throws ERR_LISTENER_CLOSED; then the thread is left to the caller */
  #start(thread: HandlerThread): void {
    thread.start(this.listener.share(), this.#owner);
    thread.hold(this.#held);
    this.#running.add(thread);
  }

  /** Fills a seat, if there is something to do there. @throws where the system gives no thread */
  #fill(seat: number, spawn: (seat: number) => HandlerThread): void {
    // Closed by whoever holds it, with no thread left to say so.
    if (this.listener.closed) void this.close();
    else this.#start(spawn(seat));
  }

  #hold(on: boolean): this {
    this.#held = on;
    for (const thread of this.#running) thread.hold(on);
    this.#respawner.hold(on);
    return this;
  }

  #reported(thread: HandlerThread, report: BlockingReport): void {
    const error = 'error' in report ? unpackError(report.error) : undefined;
    switch (report.type) {
      case 'handler-failed': {
        const failure = { remoteAddress: report.remoteAddress, threadId: thread.threadId };
        this.#tell(error as Error, failure);
        break;
      }
      case 'shortage':
        if (error instanceof SystemCallError) this.#tellShortage(error);
        break;
      case 'listener-failed':
        // Each thread meets it; the first to say so is enough.
        if (this.#closing === undefined) this.#tell(error as Error);
        void this.close();
        break;
      case 'listener-closed':
        this.#stop();
        void this.close();
        break;
      case 'not-loaded':
        thread.error = error;
        break;
      case 'loaded':
        break;
    }
  }

  /** Emits, or warns where nobody listens: a thread's error must neither vanish nor end the process. */
  #tell(error: Error, failure?: HandlerFailure): void {
    if (this.listenerCount('error') > 0) {
      emitting(() =>
        failure === undefined ? this.emit('error', error) : this.emit('error', error, failure),
      );
      return;
    }
    const type = failure === undefined ? 'ListenqServerWarning' : 'ListenqHandlerWarning';
    warnOf(type, `serveBlocking: ${error.message}`, error);
  }

  #tellShortage(error: SystemCallError): void {
    this.#shortages++;
    if (this.listenerCount('shortage') > 0) emitting(() => this.emit('shortage', error));
    else warnOf('ListenqServerWarning', `serveBlocking: ${error.message}`, error);
  }

  #ended(thread: HandlerThread, exitCode: number): void {
    this.#running.delete(thread);
    this.#state.end(thread.seat);
    // Without a listener to share there is nothing for another thread to do.
    if (this.listener.closed) void this.close();
    else if (this.#state.phase < Phase.STOPPING) this.#replace(thread, exitCode);
    this.#noteEnd();
  }

  #replace(thread: HandlerThread, exitCode: number): void {
    const { seat, threadId, error, startedAt } = thread;
    const delayMs = this.#respawner.later(seat, performance.now() - startedAt);
    if (this.listenerCount('restart') > 0) {
      this.emit('restart', { threadId, exitCode, error, delayMs });
      return;
    }
    const what = `thread ${threadId} ended with code ${exitCode}, and is replaced in ${delayMs} ms`;
    warnOf(
      'ListenqServerWarning',
      `serveBlocking: ${error === undefined ? what : `${what}: ${error.message}`}`,
      error,
    );
  }

  #noteEnd(): void {
    if (this.#running.size === 0 && this.#respawner.waiting === 0) this.#allEnded?.();
  }

  /** Accepts no more, in any thread. */
  #stop(phase: Phase = Phase.STOPPING): void {
    if (this.#state.phase < phase) this.#state.phase = phase;
    this.#respawner.clear();
    this.listener.close();
  }

  /** Ends the waits of all threads, whatever they are in. */
  #wakeAll(): void {
    this.#stop(Phase.ENDING);
    for (const thread of this.#running) thread.interrupt();
  }

  /** Resolves to true once no thread is left, or to false when time is up. A hurrying `close()` sets a time of its own. */
  #emptyWithin(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (empty: boolean): void => {
        inTime();
        this.#hurry = undefined;
        resolve(empty);
      };
      let inTime = timeLimit(timeoutMs, () => finish(false));
      this.#hurry = (hurriedMs) => {
        this.#stop();
        inTime();
        inTime = timeLimit(hurriedMs, () => finish(false));
      };
      this.#allEnded = () => finish(true);
      this.#noteEnd();
    });
  }

  /** Lets nobody new in, and has the threads stop once the queue is empty. */
  async #beginDrain(): Promise<void> {
    // Before it is shut down, lest the threads take that for a failure.
    if (this.listener.address().family === 'unix') this.#state.phase = Phase.DRAINING;
    if (stopAdmitting(this.listener) && this.#state.phase < Phase.DRAINING) await sleep(SETTLE_MS);
    if (this.#state.phase < Phase.DRAINING) this.#state.phase = Phase.DRAINING;
  }

  async #end(drain: boolean, timeoutMs: number): Promise<{ interrupted: number }> {
    // Whoever waits for the end must see it.
    this.#hold(true);
    if (drain && !this.listener.closed) await this.#beginDrain();
    else this.#stop();
    let interrupted = 0;
    if (!(await this.#emptyWithin(timeoutMs))) {
      interrupted = this.#state.active;
      this.#wakeAll();
      if (!(await this.#emptyWithin(GRACE_MS))) {
        await Promise.all([...this.#running].map((thread) => thread.terminate()));
        await this.#emptyWithin(Infinity);
      }
    }
    this.#stop();
    this.#signal?.removeEventListener('abort', this.#onAbort);
    open.delete(this.#abandon);
    if (open.size === 0) process.off('exit', watchExit);
    emitting(() => this.emit('close'));
    return { interrupted };
  }
}

/**
 * Serves connections in plain blocking style, on threads: each accepts one, runs the handler with it, closes it unless
 * the handler gave it away, and accepts the next. The listening socket is shared, a copy of its descriptor for each
 * thread, and the kernel wakes one of those that wait.
 *
 * Blocks until a first thread has loaded the handler, for 10 s at most, and a host name is resolved. If it throws,
 * nothing is left: no thread, no socket. A Listener that was passed stays the caller's then.
 *
 * A thread's own event loop turns while nobody waits to be served, and 20 times a second under load: timers in it may
 * be 200 ms late. The handler may be called by several threads at once, each with a copy of the module.
 *
 * @throws the error of loading the handler; that of `listen`; ERR_LISTENER_CLOSED; the reason of an aborted signal;
 *   TypeError and RangeError before anything is started
 */
export function serveBlocking(options: ServeBlockingOptions): BlockingServer {
  check.noOthers(check.object(options, 'options'), OPTION_NAMES, 'options');
  const source = options.listen;
  if (source instanceof Listener) {
    if (source.closed) throw listenerClosed('serveBlocking');
  } else check.object(source, 'options.listen', 'a Listener, or an object as in { port: 9999 }');
  const handler = handlerUrl(options.handler);
  const threads =
    options.threads === undefined
      ? Math.min(availableParallelism(), MOST_THREADS)
      : check.integer(options.threads, 'options.threads', 1, MOST_THREADS);
  const signal = checkSignal(options.signal);

  const state = BlockingState.ofSeats(threads);
  const spawn = (seat: number): HandlerThread => new HandlerThread(handler, state, seat, sliceMs(threads));
  const first = spawn(0);
  first.awaitLoaded(state);
  let listener: Listener;
  try {
    listener = source instanceof Listener ? source : listen(source);
  } catch (error) {
    first.abandon();
    throw error;
  }
  return construct({ listener, state, first, spawn, threads, signal });
}

/**
 * How long an idle thread waits before it looks up. When a worker that made a server is terminated, Node ends the
 * server's threads one after another, each at its next look: shorter where there are many, so that this takes a second at
 * the most. The main thread wakes them all when it ends.
 */
function sliceMs(threads: number): number {
  return isMainThread ? CEILING_MS : Math.max(50, Math.min(CEILING_MS, Math.floor(800 / threads)));
}
