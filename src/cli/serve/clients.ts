import type { Served } from './service';

/** Those who are being served. */
export class Clients {
  readonly #served = new Set<Served>();
  readonly #waiting = new Set<() => void>();

  get count(): number {
    return this.#served.size;
  }

  /** Counts one until it is over. */
  add(served: Served): void {
    this.#served.add(served);
    const remove = (): void => {
      this.#served.delete(served);
      for (const look of this.#waiting) look();
    };
    served.ended.then(remove, remove);
  }

  /** Resolves when fewer than `most` are being served, or time is up. */
  fewerThan(most: number, timeoutMs?: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      const look = (): void => {
        if (this.count < most) end();
      };
      const timer = timeoutMs === undefined ? undefined : setTimeout(end, timeoutMs);
      this.#waiting.add(look);
      look();
    });
  }

  /** Ends all now. */
  cut(): void {
    for (const { cut } of this.#served) cut();
  }
}
