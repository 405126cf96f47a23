import type { Connection } from '../socket/connection';

interface Waiter {
  resolve: (connection: Connection) => void;
  reject: (reason: Error) => void;
}

/** The callers that wait in `accept()`, served in their order. */
export class Waiters {
  readonly #waiting = new Set<Waiter>();
  readonly #onChange: () => void;

  /** `onChange` is told when one comes, and when one gives up. */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Waits for a connection, or for `signal` to be aborted. */
  add(signal: AbortSignal | undefined): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        waiter.reject(signal?.reason as Error);
        this.#onChange();
      };
      const leave = (): void => {
        signal?.removeEventListener('abort', giveUp);
        this.#waiting.delete(waiter);
      };
      const waiter: Waiter = {
        resolve: (connection) => {
          leave();
          resolve(connection);
        },
        reject: (reason) => {
          leave();
          reject(reason);
        },
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#waiting.add(waiter);
      this.#onChange();
    });
  }

  /** Serves the first; false if nobody waits. */
  resolve(connection: Connection): boolean {
    const [first] = this.#waiting;
    first?.resolve(connection);
    return first !== undefined;
  }

  /** Sends all of them away. */
  reject(reason: Error): void {
    for (const waiter of this.#waiting) waiter.reject(reason);
  }
}
