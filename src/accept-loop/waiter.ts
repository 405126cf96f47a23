import type { Connection } from '../socket/connection';

/** A caller that waits in `accept()`. */
export interface Waiter {
  promise: Promise<Connection>;
  resolve: (connection: Connection) => void;
  reject: (reason: Error) => void;
}

/** Makes one. `onGiveUp` is told if `signal` is aborted first; the promise has been rejected by then. */
export function makeWaiter(signal: AbortSignal | undefined, onGiveUp: (waiter: Waiter) => void): Waiter {
  const waiter = {} as Waiter;
  const giveUp = (): void => {
    waiter.reject(signal?.reason as Error);
    onGiveUp(waiter);
  };
  waiter.promise = new Promise((resolve, reject) => {
    waiter.resolve = (connection) => {
      signal?.removeEventListener('abort', giveUp);
      resolve(connection);
    };
    waiter.reject = (reason) => {
      signal?.removeEventListener('abort', giveUp);
      reject(reason);
    };
  });
  signal?.addEventListener('abort', giveUp, { once: true });
  return waiter;
}
