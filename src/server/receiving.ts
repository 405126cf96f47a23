import { AsyncResource } from 'node:async_hooks';
import type { Receive } from '../accept-loop/accept-loop';
import { emitting } from '../accept-loop/emitting';
import { isSystemError } from '../errors';
import { native } from '../native/load';
import type { Connection } from '../socket/connection';
import type { Listener } from '../socket/listener';
import { numberForNode } from '../socket/net-socket';
import { connectionHandle, type ConnectionHandle, type ListeningHandle } from '../socket/node-internals';

/** Holds back a server's 'close'. */
interface Holder {
  hold: () => void;
  release: (closing: boolean) => void;
}

/** Gives the handle connections, one after another: one that comes while another is emitted, since a 'connection' listener has
 * closed the server, comes when that listener has returned. The watcher is told when one is kept for that, and when none is. */
export function receiverFor(handle: ListeningHandle, watcher: Holder): Receive {
  const give = giverFor(handle);
  const held: (() => void)[] = [];
  let busy = false;
  return (fd, onEnd) => {
    if (busy) {
      if (held.push(() => give(fd, onEnd)) === 1) watcher.hold();
      return;
    }
    busy = true;
    try {
      give(fd, onEnd);
    } finally {
      for (const next of held) emitting(next);
      if (held.splice(0).length > 0) watcher.release(false);
      busy = false;
    }
  };
}

/** AsyncLocalStorage has in 'connection' what it has here; in the connection's own events, nothing. */
function giverFor(handle: ListeningHandle): Receive {
  const scope = new AsyncResource('listenq.Server');
  return (fd, onEnd) => {
    const connection = handleOf(handle, fd);
    if (typeof connection === 'number') {
      onEnd?.();
      handle.onconnection(connection);
      return;
    }
    if (onEnd !== undefined) tellOfEnd(connection, onEnd);
    scope.runInAsyncScope(handle.onconnection, handle, 0, connection);
  };
}

/** Or an errno: then the descriptor is closed. */
function handleOf(listening: ListeningHandle, fd: number): ConnectionHandle | number {
  let given: number;
  try {
    given = numberForNode(fd);
  } catch (error) {
    native.closeOwned(fd);
    if (isSystemError(error)) return error.errno;
    throw error;
  }
  native.disown(given);
  if (given !== fd) native.closeOwned(fd);
  const connection = connectionHandle(listening.constructor, given);
  if (typeof connection === 'number') native.close(given);
  return connection;
}

function tellOfEnd(connection: ConnectionHandle, onEnd: () => void): void {
  const { close, reset } = connection;
  let open = true;
  const end = (): void => {
    if (open) onEnd();
    open = false;
  };
  connection.close = (callback) => {
    end();
    close.call(connection, callback);
  };
  if (reset === undefined) return;
  // Called by resetAndDestroy() instead.
  connection.reset = (callback) => {
    end();
    return reset.call(connection, callback);
  };
}

/** Receives those who were queued while the accept thread had not begun: libuv would have accepted them by now. */
export function receiveQueued(listeners: readonly Listener[], receive: Receive): void {
  for (const listener of listeners) {
    for (const connection of queuedOf(listener)) {
      const fd = connection.detach();
      native.adopt(fd);
      emitting(() => receive(fd, undefined));
    }
  }
}

function queuedOf(listener: Listener): Connection[] {
  try {
    const { length } = listener.queue();
    return length === 0 ? [] : listener.acceptMany(length, { timeoutMs: 0 });
  } catch (error) {
    // Closed by another thread, or a shortage: then they are as they would be without this.
    if (listener.closed || isSystemError(error)) return [];
    throw error;
  }
}
