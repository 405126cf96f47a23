import { AsyncResource } from 'node:async_hooks';
import type { Handoff, News } from '../native/contract';
import { native } from '../native/load';
import { emitting } from './emitting';
import type { CheckedOptions } from './options';
import { makeHandoff } from './thread';

/** What `Handoff.take` gives instead of a descriptor. */
const NEWS = -2;
/** How many connections are handed out in one turn of the event loop, lest a flood keep it from all else. */
const TURN = 64;

/** What runs in it has nobody's AsyncLocalStorage, as when libuv accepts: a socket does not inherit its server's. */
const nowhere = new AsyncResource('listenq.Intake');

interface IntakeCallbacks {
  /** Hands out one connection; whether there was one, and somebody to take it. */
  handOut: () => boolean;
  /** What the accepting thread reports. */
  hear: (news: News) => void;
}

/**
 * The taking side of a loop: connections out of the handoff, one for each call from the event loop, so that the ticks and
 * promises of one are done before the next comes, as between two that libuv accepts.
 */
export class Intake {
  readonly handoff: Handoff;
  /** Called once nothing waits any more. */
  onEmpty: (() => void) | undefined;
  /** Told how long each connection has waited, in milliseconds, when it is taken. */
  readonly waitObservers = new Set<(waitedMs: number) => void>();
  readonly #callbacks: IntakeCallbacks;
  /** How many more this turn of the event loop may take. */
  #budget = TURN;

  constructor(options: CheckedOptions, callbacks: IntakeCallbacks) {
    this.#callbacks = callbacks;
    this.handoff = nowhere.runInAsyncScope(makeHandoff, undefined, options, () => this.deliver());
  }

  get waiting(): number {
    return this.handoff.stats()[2] as number;
  }

  /** Hands one out, and has itself called again while there are any. */
  deliver(): void {
    let more = true;
    try {
      more = this.#callbacks.handOut();
    } finally {
      // Also when whoever got it threw: those that come after must not wait for the next burst.
      if (more) this.handoff.again();
    }
  }

  /** The oldest connection's descriptor, its peer the first in `acceptedPeers`, for the first of `wanting` callers that
   * wait; undefined if there is none, or this turn has had its share. */
  take(wanting: number): number | undefined {
    while (this.#budget > 0) {
      const fd = this.handoff.take(wanting);
      if (fd >= 0) {
        this.#spend();
        this.#observeWait();
        if (this.onEmpty !== undefined && this.waiting === 0) this.onEmpty();
        return fd;
      }
      if (fd !== NEWS) return undefined;
      this.hearNews();
    }
    return undefined;
  }

  /** Gives what waits to `receive`, whatever this turn has had; in nobody's scope, whoever calls. */
  empty(receive: (fd: number) => void): void {
    nowhere.runInAsyncScope(() => {
      for (let fd = this.handoff.take(0); fd >= 0 || fd === NEWS; fd = this.handoff.take(0)) {
        if (fd === NEWS) {
          this.hearNews();
        } else {
          this.#observeWait();
          receive(fd);
        }
      }
    });
  }

  hearNews(): void {
    for (let news = this.handoff.news(); news !== undefined; news = this.handoff.news())
      this.#callbacks.hear(news);
  }

  #observeWait(): void {
    if (this.waitObservers.size === 0) return;
    const waitedMs = native.takenWait[0] as number;
    for (const observe of this.waitObservers) emitting(() => observe(waitedMs));
  }

  #spend(): void {
    if (--this.#budget > 0) return;
    setImmediate(() => {
      this.#budget = TURN;
      this.deliver();
    });
  }
}
