import type { Connection } from 'listenq';

/** One client that is being served. */
export interface Served {
  /** Resolves when there is room for the next client; there is at once, if it is left out. */
  begun?: Promise<void>;
  /** How it went, for people: `echoed 12 bytes`. Resolves when it is over; rejects if it could not be begun. */
  ended: Promise<string>;
  /** Ends it now. */
  cut: () => void;
}

/** What is done with a connection, which it owns from then on. */
export type Service = (connection: Connection) => Served;
