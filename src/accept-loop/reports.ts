import { channels } from '../channels';
import type { SystemCallError } from '../errors';
import { native } from '../native/load';
import type { Connection } from '../socket/connection';
import { peerAddress } from '../socket/names';
import { watchPressure } from '../socket/pressure';
import type { AcceptLoop } from './accept-loop';
import { emitting } from './emitting';
import type { Intake } from './intake';
import { loopLoad } from './load';
import { Losses } from './losses';
import type { CheckedOptions } from './options';
import { warnOfShortage } from './warnings';

/** What a loop tells those who watch it: by its events, and on the channels. */
export class Reports {
  readonly #loop: AcceptLoop;
  readonly #losses: Losses;
  readonly #endPressure: (() => void) | undefined;

  constructor(loop: AcceptLoop, intake: Intake, options: CheckedOptions) {
    this.#loop = loop;
    this.#losses = new Losses(loop, intake.handoff);
    this.#endPressure =
      options.pressure &&
      watchPressure(
        options.pressure,
        () => loopLoad(options, intake.waiting, loop.listeners),
        (event, reading) => emitting(() => loop.emit(event, reading)),
      );
  }

  /** The connection that was taken last is handed out: as an object, or as its bare descriptor. */
  handedOut(fd: number, connection?: Connection): void {
    if (!channels.accept.hasSubscribers) return;
    const [remoteAddress, waitedMs] = [peerAddress(0), native.takenWait[0]];
    channels.accept.publish({ source: this.#loop, fd, remoteAddress, connection, waitedMs });
  }

  /** Connections were refused, or SYNs dropped. */
  losses(): void {
    this.#losses.tell();
  }

  shortage(error: SystemCallError): void {
    const loop = this.#loop;
    if (channels.shortage.hasSubscribers) channels.shortage.publish({ source: loop, error });
    if (loop.listenerCount('shortage') === 0) warnOfShortage(error);
    else emitting(() => loop.emit('shortage', error));
  }

  /** The thread has ended: these are the last counts. */
  end(): void {
    this.#endPressure?.();
    this.#losses.end();
    if (channels.close.hasSubscribers) channels.close.publish({ source: this.#loop, address: undefined });
  }
}
