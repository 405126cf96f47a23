import type { ServerResponse } from 'node:http';
import type { Recent } from './recent';

/** Whoever is further behind does not read: its connection is closed. A page that comes back gets what it missed. */
const MOST_BEHIND = 100;
/** How long a page waits before it connects again, in milliseconds. */
const RETRY_MS = 2000;

/** One stream of events. No more is written than the connection takes: the rest waits in `recent`, which all share. */
export class Reader {
  readonly #response: ServerResponse;
  readonly #recent: Recent;
  #next: number;
  /** What was told of the listeners, and what is to be told. */
  #told = '';
  #roster = '';
  /** The newest sample when no more could be written. */
  #fullSince: number | undefined;

  /** Begins the stream with the samples after number `seen`, oldest first. */
  constructor(response: ServerResponse, recent: Recent, seen: number) {
    this.#response = response;
    this.#recent = recent;
    this.#next = seen + 1;
    response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' });
    response.write(`retry: ${RETRY_MS}\n\n`);
    response.on('drain', () => {
      this.#fullSince = undefined;
      this.#write();
    });
  }

  /** Writes what is new. */
  update(roster: string): void {
    this.#roster = roster;
    this.#write();
    if (this.#recent.last - (this.#fullSince ?? Infinity) > MOST_BEHIND) this.#response.destroy();
  }

  /** Ends the stream. */
  end(): void {
    this.#response.end();
  }

  #write(): void {
    // What is not kept any more is left out.
    this.#next = Math.max(this.#next, this.#recent.first);
    while (!this.#response.writableNeedDrain) {
      if (this.#told !== this.#roster) {
        this.#told = this.#roster;
        this.#response.write(this.#roster);
        continue;
      }
      const text = this.#recent.text(this.#next);
      if (text === undefined) return;
      this.#next++;
      this.#response.write(text);
    }
    this.#fullSince ??= this.#recent.last;
  }
}
