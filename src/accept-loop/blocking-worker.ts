/** A thread of a blocking server: accept, handle, close, over and over. Run as a Worker by HandlerThread. */
import { once } from 'node:events';
import { setImmediate as turnEventLoop, setTimeout as sleep } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import { invalidArgValue, isShortage, isSystemError } from '../errors';
import type { Connection } from '../socket/connection';
import { hasQueued, Listener } from '../socket/listener';
import type { BlockingOrder, BlockingReport, BlockingWorkerData } from './blocking-messages';
import { BlockingState, Phase } from './blocking-state';
import { packError } from './portable-error';

type Handler = (connection: Connection) => unknown;

/** Idle for this long, a thread that has served lets its event loop turn: less, and that would cost under load. */
const LULL_MS = 2;
/** Never idle, it does so after this. */
const BUSY_MS = 50;
/** The pauses after a shortage. */
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 100;

const { handler: href, port, memory, seat, sliceMs } = workerData as BlockingWorkerData;
const state = new BlockingState(memory);

function report(message: BlockingReport): void {
  port.postMessage(message);
}

/** The function that the module exports, by `export default` or `module.exports`. */
async function loadHandler(): Promise<Handler> {
  const { default: exported } = (await import(href)) as { default?: unknown };
  // What a compiler makes of `export default` in CommonJS.
  const inner = (exported as { default?: unknown } | null | undefined)?.default;
  const handler = typeof exported === 'function' ? exported : inner;
  if (typeof handler === 'function') return handler as Handler;
  throw invalidArgValue(
    'options.handler',
    `must be a module whose default export is a function, and ${href} is none`,
    exported,
  );
}

/** Loads the handler and says so, or why not; whatever happens, whoever waits for that is told. */
async function prepare(): Promise<Handler> {
  let uncaught: unknown;
  const noteUncaught = (error: unknown): void => {
    uncaught = error;
  };
  const endEarly = (code: number): void => {
    const error = uncaught ?? new Error(`The thread ended with code ${code} while it loaded ${href}`);
    report({ type: 'not-loaded', error: packError(error) });
    state.announce();
  };
  process.on('uncaughtExceptionMonitor', noteUncaught).on('exit', endEarly);
  const handler = await loadHandler().catch((error: unknown) => {
    uncaught = error;
    process.exit(1);
  });
  process.off('uncaughtExceptionMonitor', noteUncaught).off('exit', endEarly);
  report({ type: 'loaded' });
  state.announce();
  return handler;
}

/** Runs the handler; the connection is closed afterwards, unless the handler gave it away. A promise only if the handler
 * returned one: waiting for nothing costs as much as a system call. */
function serve(handler: Handler, connection: Connection): Promise<void> | undefined {
  state.begin(seat);
  let pending: PromiseLike<unknown> | undefined;
  try {
    const result = handler(connection) as PromiseLike<unknown> | undefined;
    if (typeof result?.then === 'function') pending = result;
  } catch (error) {
    reportFailure(error, connection);
  }
  if (pending !== undefined) return served(pending, connection);
  finish(connection);
  return undefined;
}

async function served(pending: PromiseLike<unknown>, connection: Connection): Promise<void> {
  try {
    await pending;
  } catch (error) {
    reportFailure(error, connection);
  } finally {
    finish(connection);
  }
}

function finish(connection: Connection): void {
  connection.close();
  state.end(seat);
}

function reportFailure(error: unknown, connection: Connection): void {
  const interrupted = (error as { code?: unknown } | null | undefined)?.code === 'ERR_INTERRUPTED';
  // Its own end is no fault of the handler.
  if (interrupted && state.phase === Phase.ENDING) return;
  state.fail();
  report({ type: 'handler-failed', error: packError(error), remoteAddress: connection.remoteAddress });
}

/** What an error of accept means: go on at once, or after a pause, or end. */
class Refusals {
  #pauseMs = 0;

  clear(): void {
    this.#pauseMs = 0;
  }

  /** Pauses if it is a shortage; false if the listener is not to be used any more. */
  async survive(error: unknown, listener: Listener): Promise<boolean> {
    if ((error as { code?: unknown }).code === 'ERR_INTERRUPTED') return true;
    if (isShortage(error)) {
      if (state.beginsShortage()) report({ type: 'shortage', error: packError(error) });
      this.#pauseMs = Math.min(Math.max(2 * this.#pauseMs, FIRST_PAUSE_MS), LONGEST_PAUSE_MS);
      await sleep(this.#pauseMs);
      return true;
    }
    // Draining, an AF_UNIX listener is shut down first, and empty it says so.
    if (isSystemError(error, 'EINVAL') && state.phase >= Phase.DRAINING) return endDrain(listener);
    report(
      listener.closed ? { type: 'listener-closed' } : { type: 'listener-failed', error: packError(error) },
    );
    return false;
  }
}

/** The queue is empty: the listener ends at once, in every thread. */
function endDrain(listener: Listener): false {
  if (state.drained()) {
    listener.close();
    report({ type: 'listener-closed' });
  }
  return false;
}

/** How long to wait for a connection. */
function waitMs(hasServed: boolean): number {
  if (state.phase === Phase.DRAINING) return 0;
  return hasServed ? LULL_MS : sliceMs;
}

/** Accepts and serves until the server stops, or the listener ends. */
async function serveAll(listener: Listener, handler: Handler): Promise<void> {
  const refusals = new Refusals();
  let hasServed = false;
  let turnedAt = performance.now();
  while (state.phase < Phase.STOPPING) {
    let connection: Connection | undefined;
    try {
      [connection] = listener.acceptMany(1, { timeoutMs: waitMs(hasServed) });
    } catch (error) {
      if (!(await refusals.survive(error, listener))) return;
      continue;
    }
    refusals.clear();
    if (connection !== undefined) {
      const serving = serve(handler, connection);
      if (serving !== undefined) await serving;
      hasServed = true;
      if (performance.now() - turnedAt < BUSY_MS) continue;
    } else if (state.phase === Phase.DRAINING && !hasQueued(listener)) {
      // Not a matter of what accept gave: it passes failed connections over.
      endDrain(listener);
      return;
    }
    await turnEventLoop();
    turnedAt = performance.now();
    hasServed = connection !== undefined;
  }
}

/** This thread's copy; undefined if the listener was closed while the handler was loaded. */
function joined(handle: BlockingOrder): Listener | undefined {
  try {
    return Listener.from(handle);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_LISTENER_CLOSED') return undefined;
    throw error;
  }
}

async function main(): Promise<void> {
  const handler = await prepare();
  const [handle] = (await once(port, 'message')) as [BlockingOrder];
  const listener = joined(handle);
  if (listener === undefined) report({ type: 'listener-closed' });
  else {
    await serveAll(listener, handler);
    listener.release();
  }
  // What the handler printed goes out; timers that it left are not waited for.
  await turnEventLoop();
  process.exit(0);
}

void main();
