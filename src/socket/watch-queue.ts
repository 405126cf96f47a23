import { EventEmitter } from 'node:events';
import type * as net from 'node:net';
import { channels } from '../channels';
import { illegalConstructor, invalidArgType } from '../errors';
import { Listener } from './listener';
import { internalsOf } from './node-internals';
import {
  checkPressure,
  readingOf,
  watchPressure,
  type PressureOptions,
  type PressureReading,
} from './pressure';
import { isGone, readQueueOf } from './queue-of';
import { isServer } from './server-descriptor';

/** An accept queue at one moment. */
export interface WatchReading extends PressureReading {
  /** As in `queueOf()`: `waiting` and `room`, which is one more than the limit, by their names there. */
  length: number;
  limit: number;
  drops: number | undefined;
}

export interface QueueWatchEvents {
  /** The queue is so full that the next clients may be dropped; it is no longer. */
  pressure: [reading: WatchReading];
  relief: [reading: WatchReading];
  /** Its listener was closed, or the watch. */
  close: [];
}

const INTERNAL = Symbol('listenq.internal');
let construct: (source: Listener | net.Server, options: PressureOptions) => QueueWatch;

/** An accept queue that is looked at over and over. Made by `watchQueue`. */
export class QueueWatch extends EventEmitter<QueueWatchEvents> {
  readonly #source: Listener | net.Server;
  readonly #handle: unknown;
  readonly #end: () => void;
  #reading: WatchReading;
  #high = false;
  #closed = false;

  static {
    construct = (...parts) => new QueueWatch(INTERNAL, ...parts);
  }

  private constructor(guard: symbol, source: Listener | net.Server, options: PressureOptions) {
    if (guard !== INTERNAL) throw illegalConstructor('QueueWatch', 'watchQueue(source, options)');
    super();
    const checked = checkPressure(options, 'options');
    this.#source = source;
    this.#handle = handleOf(source);
    this.#reading = readQueue(source);
    this.#end = watchPressure(
      checked,
      () => this.#look(),
      (event, reading) => {
        this.#high = event === 'pressure';
        this.emit(event, reading);
      },
    );
  }

  /** What was read last: when it was made, or at an interval. */
  get reading(): WatchReading {
    return this.#reading;
  }

  /** Whether 'pressure' was emitted, and 'relief' was not since. */
  get high(): boolean {
    return this.#high;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Ends the watch; the listener is left as it is. A second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#end();
    this.emit('close');
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #look(): WatchReading | undefined {
    const before = this.#reading.drops;
    if (!this.#read()) {
      this.close();
      return undefined;
    }
    const { drops } = this.#reading;
    if (drops !== undefined && before !== undefined && drops > before && channels.overflow.hasSubscribers)
      channels.overflow.publish({ source: this.#source, drops: drops - before });
    return this.#reading;
  }

  /** False if the listener is closed. A server that listens again has another. */
  #read(): boolean {
    if (handleOf(this.#source) !== this.#handle) return false;
    try {
      this.#reading = readQueue(this.#source);
      return true;
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  }
}

/**
 * Watches the accept queue of a listener: emits 'pressure' once it is as full as `highRatio`, of the places that it has, and
 * 'relief' once it has fallen to `lowRatio`; ends, with 'close', at the first look after its listener was closed. Reads what
 * `queueOf()` reads, at each interval, by a timer that does not keep the process alive.
 *
 * A thread that is stuck looks when that is over. Who wants to tell others that a server is stuck watches from another
 * thread: `Listener.from(handle)` there has the same queue. Of a server with an accept loop the kernel's queue fills
 * after the loop's own: its loop option `pressure` tells of both.
 *
 * @throws as `queueOf`; TypeError and RangeError for wrong options
 */
export function watchQueue(source: Listener | net.Server, options: PressureOptions = {}): QueueWatch {
  // A number may be somebody else's after it was closed.
  if (!(source instanceof Listener) && !isServer(source))
    throw invalidArgType(
      'source',
      'a Listener or a net.Server (an accept loop has its option pressure)',
      source,
    );
  return construct(source, options);
}

function readQueue(source: Listener | net.Server): WatchReading {
  const { length, limit, drops } = readQueueOf(source, 'watchQueue');
  return { ...readingOf(length, limit + 1), length, limit, drops };
}

/** What a server listens with. */
function handleOf(source: Listener | net.Server): unknown {
  return source instanceof Listener ? undefined : internalsOf(source)._handle;
}
