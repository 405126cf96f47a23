import { endLoop, startLoop, type AcceptLoop, type Receive } from '../accept-loop/accept-loop';
import type { CheckedOptions } from '../accept-loop/options';
import { isSystemError } from '../errors';
import { native } from '../native/load';
import { makeListener, type Listener } from '../socket/listener';
import type { ListeningHandle } from '../socket/node-internals';
import { receiveQueued, receiverFor } from './receiving';

/** What a server's listening side is to be like the next time that it listens. */
export interface Plan {
  /** As asked; undefined: what Node says. */
  backlog: number | undefined;
  /** Of the accept loop; undefined: libuv accepts, on this thread. */
  loop: CheckedOptions | undefined;
  /** A listener to adopt, instead of listening: its backlog stays. */
  listener: Listener | undefined;
}

/** Accepts for a handle, while there is a loop. */
export interface Acceptance {
  readonly loop: AcceptLoop | undefined;
  /** The server has the handle no longer. Ends the loop, and gives the handle what it had accepted, so that somebody else may
   * accept; unless it is for another owner of the same handle, who has set an `onconnection` of his own. */
  leave: () => void;
}

/** Told of the loop that accepts for a handle. */
interface Watcher {
  started: (loop: AcceptLoop) => void;
  /** It has ended although nobody told it to. */
  ended: () => void;
  /** Connections are still to be emitted although the server may be closed. */
  hold: () => void;
  /** They have been. `closing`: the server's close() goes on now. */
  release: (closing: boolean) => void;
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
  const receive = receiverFor(handle, watcher);
  let loop: AcceptLoop | undefined;
  let referenced = true;
  /** What Node has put there. */
  let onconnection: unknown;

  const start = (options: CheckedOptions, backlog: number): void => {
    loop = startListening(handle, plan, options, backlog, receive);
    onconnection = handle.onconnection;
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
    if (ending === undefined) return;
    watcher.hold();
    if (ending.stats().accepted === 0) receiveQueued(ending.listeners, receive);
    endLoop(ending);
    watcher.release(true);
  };

  handle.listen = (given) => {
    // A numeric string is what Node's C++ would take it for.
    const backlog = plan.backlog ?? Number(given) | 0;
    const { loop: options } = plan;
    if (options === undefined) return listen.call(handle, backlog);
    // By a listen() whose host name was still looked up when another one was done.
    if (loop !== undefined) return 0;
    // What bind(2) refused libuv keeps until here: the socket has no name, and must not get one by listening.
    const unbound = handle.getsockname?.({}) ?? 0;
    return unbound === 0 ? errnoOf(() => start(options, backlog)) : unbound;
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
    // The primary of a cluster takes a server's handle away to go on with it.
    leave: () => {
      if (handle.onconnection === onconnection) stop();
    },
  };
}

function startListening(
  handle: ListeningHandle,
  plan: Plan,
  options: CheckedOptions,
  backlog: number,
  receive: Receive,
): AcceptLoop {
  const listener = plan.listener ?? copyOf(handle, plan.backlog !== undefined);
  try {
    if (plan.listener === undefined) listener.setBacklog(backlog);
    return startLoop([listener], options, receive);
  } catch (error) {
    // One that was given is as before.
    if (plan.listener === undefined) listener.close();
    throw error;
  }
}

/** A Listener of a copy of the handle's descriptor. Other processes may have the socket too. */
function copyOf(handle: ListeningHandle, warnsIfCapped: boolean): Listener {
  const fd = native.dupOwned(handle.fd);
  try {
    return makeListener(fd, undefined, { shared: true, warnsIfCapped, adopted: true });
  } catch (error) {
    native.closeOwned(fd);
    throw error;
  }
}

/** 0, or the errno with which the kernel refused. */
function errnoOf(call: () => void): number {
  try {
    call();
    return 0;
  } catch (error) {
    if (isSystemError(error)) return error.errno;
    throw error;
  }
}
