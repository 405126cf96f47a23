import { channels } from '../channels';
import type { Handoff } from '../native/contract';
import type { AcceptLoop } from './accept-loop';
import { statsOf, type AcceptLoopStats } from './stats';

/** How long losses gather before they are told together. */
const GATHER_MS = 100;

/**
 * Publishes what a loop loses: 'refuse' and 'overflow'. The accepting thread wakes this one for the first loss, and for
 * the next after some time; where nobody loses anything, nothing runs.
 */
export class Losses {
  readonly #source: AcceptLoop;
  readonly #handoff: Handoff;
  #told: AcceptLoopStats;
  #gathering: NodeJS.Timeout | undefined;

  constructor(source: AcceptLoop, handoff: Handoff) {
    this.#source = source;
    this.#handoff = handoff;
    this.#told = this.#stats();
    handoff.hearOfLosses();
  }

  /** Publishes what has been lost since the last time. */
  tell(): void {
    this.#publish();
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      // First asked for, then looked at: what is lost in between is told twice as nothing, rather than not.
      this.#handoff.hearOfLosses();
      this.#publish();
    }, GATHER_MS).unref();
  }

  end(): void {
    clearTimeout(this.#gathering);
    this.#publish();
  }

  #stats(): AcceptLoopStats {
    return statsOf(this.#handoff.stats(), false);
  }

  #publish(): void {
    const [before, now] = [this.#told, this.#stats()];
    this.#told = now;
    const source = this.#source;
    if (channels.refuse.hasSubscribers) {
      for (const cause of Object.keys(now.refused) as (keyof AcceptLoopStats['refused'])[]) {
        const count = now.refused[cause] - before.refused[cause];
        if (count > 0) channels.refuse.publish({ source, cause, count });
      }
    }
    const drops = now.drops - before.drops;
    if (drops > 0 && channels.overflow.hasSubscribers) channels.overflow.publish({ source, drops });
  }
}
