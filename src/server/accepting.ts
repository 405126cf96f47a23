import { AsyncResource } from 'node:async_hooks';
import { endLoop, startLoop, type AcceptLoop, type Receive } from '../accept-loop/accept-loop';
import type { CheckedOptions } from '../accept-loop/options';
import { isSystemError } from '../errors';
import { native } from '../native/load';
import { makeListener, type Listener } from '../socket/listener';
import { numberForNode } from '../socket/net-socket';
import { connectionHandle, type Handle, type ListeningHandle } from './handle';

/** What a server's listening side is to be like the next time that it listens. */
export interface Plan {
  /** As asked, or Node's default. */
  backlog: number;
  /** Whether somebody asked, so that a cap is worth a warning. */
  asked: boolean;
  /** Of the accept loop; undefined: libuv accepts, on this thread. */
  loop: CheckedOptions | undefined;
  /** A listener to adopt, instead of listening: its backlog stays, unless one is asked for. */
  listener: Listener | undefined;
}

/** Accepts for a handle, while there is a loop. */
export interface Acceptance {
  readonly loop: AcceptLoop | undefined;
  /** Ends the loop, and gives the handle what it had accepted: so that it may be closed, or somebody else may accept. */
  stop: () => void;
}

/** Told of the loop that accepts for a handle. */
export interface Watcher {
  started: (loop: AcceptLoop) => void;
  /** It has ended although nobody told it to. */
  ended: () => void;
}

/**
 * Has a loop accept for libuv's listening handle, from the handle's `listen` to its `close`: both, `ref` and `unref`
 * are replaced on this one object. listen(2) gets the plan's backlog, whatever number Node passes. Each connection is
 * made a handle of Node's, and given to the handle's own `onconnection`.
 *
 * Descriptors: the handle keeps its own, for its name and its end; the loop has copies of it, or the plan's listener.
 * `close` closes them all before it returns.
 */
export function acceptFor(handle: ListeningHandle, plan: Plan, watcher: Watcher): Acceptance {
  const { listen, close, ref, unref, hasRef } = handle;
  let loop: AcceptLoop | undefined;
  let referenced = true;

  const start = (options: CheckedOptions): void => {
    loop = startListening(handle, plan, options);
    if (!referenced) loop.unref();
    loop.once('close', () => {
      if (loop === undefined) return;
      loop = undefined;
      watcher.ended();
    });
    watcher.started(loop);
  };
  const stop = (): void => {
    const ending = loop;
    loop = undefined;
    if (ending !== undefined) endLoop(ending);
  };

  handle.listen = () => {
    if (plan.loop === undefined) return listen.call(handle, plan.backlog);
    // What bind(2) refused libuv keeps until here: the socket has no name, and must not get one by listening.
    const unbound = handle.getsockname?.({}) ?? 0;
    return unbound === 0 ? errnoOf(start, plan.loop) : unbound;
  };
  handle.close = (callback) => {
    stop();
    close.call(handle, callback);
  };
  handle.ref = () => {
    referenced = true;
    loop?.ref();
    ref.call(handle);
  };
  handle.unref = () => {
    referenced = false;
    loop?.unref();
    unref.call(handle);
  };
  handle.hasRef = () => (loop === undefined ? hasRef.call(handle) : referenced);
  return {
    get loop() {
      return loop;
    },
    stop,
  };
}

function startListening(handle: ListeningHandle, plan: Plan, options: CheckedOptions): AcceptLoop {
  const listener = plan.listener ?? copyOf(handle, plan.asked);
  try {
    if (plan.listener === undefined || plan.asked) listener.setBacklog(plan.backlog);
    return startLoop([listener], options, receiverFor(handle));
  } catch (error) {
    // One that was given is as before.
    if (plan.listener === undefined) listener.close();
    throw error;
  }
}

/** A Listener of a copy of the handle's descriptor. Other processes may have the socket too. */
function copyOf(handle: ListeningHandle, warnsIfCapped: boolean): Listener {
  return makeListener(native.dupOwned(handle.fd), undefined, { shared: true, warnsIfCapped, adopted: true });
}

/** 0, or the errno with which the kernel refused. */
function errnoOf<T>(call: (argument: T) => void, argument: T): number {
  try {
    call(argument);
    return 0;
  } catch (error) {
    if (isSystemError(error)) return error.errno;
    throw error;
  }
}

/** AsyncLocalStorage has in 'connection' what it has here; in the connection's own events, nothing. */
function receiverFor(handle: ListeningHandle): Receive {
  const scope = new AsyncResource('listenq.Server');
  return (fd, onEnd) => {
    const given = numberForNode(fd);
    native.disown(given);
    if (given !== fd) native.closeOwned(fd);
    const connection = connectionHandle(handle, given);
    if (typeof connection === 'number') {
      native.close(given);
      onEnd?.();
      handle.onconnection(connection);
      return;
    }
    if (onEnd !== undefined) tellOfEnd(connection, onEnd);
    scope.runInAsyncScope(handle.onconnection, handle, 0, connection);
  };
}

function tellOfEnd(connection: Handle, onEnd: () => void): void {
  const { close } = connection;
  let open = true;
  connection.close = (callback) => {
    if (open) onEnd();
    open = false;
    close.call(connection, callback);
  };
}
