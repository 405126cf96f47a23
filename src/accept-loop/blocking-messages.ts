import type { MessagePort } from 'node:worker_threads';
import type { Address } from '../address';
import type { ListenerHandle } from '../socket/listener-handle';
import type { PortableError } from './portable-error';

/** What a thread of a blocking server is started with. */
export interface BlockingWorkerData {
  /** The URL of the module. */
  handler: string;
  /** Takes one ListenerHandle in, and then gives BlockingReports out. */
  port: MessagePort;
  /** Of the BlockingState. */
  memory: SharedArrayBuffer;
  seat: number;
  /** The longest that it waits for a connection before it looks at the phase, and lets its event loop turn. */
  sliceMs: number;
}

export type BlockingOrder = ListenerHandle;

/** What such a thread tells the one that started it. */
export type BlockingReport =
  | { type: 'loaded' }
  | { type: 'not-loaded'; error: PortableError }
  | { type: 'handler-failed'; error: PortableError; remoteAddress: Address }
  | { type: 'shortage'; error: PortableError }
  | { type: 'listener-failed'; error: PortableError }
  /** The listener was closed: by whoever holds it, or because it is drained. */
  | { type: 'listener-closed' };
