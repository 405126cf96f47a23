import { observeWaits } from '../accept-loop/accept-loop';
import { invalidArgValue, metricsClosed } from '../errors';
import * as check from '../validate';
import { EventLoopPause } from './event-loop-pause';
import type { Reading } from './instruments';
import { read } from './reading';
import { sourceOf, type MetricsSource, type Source } from './sources';

export interface AddOptions {
  /** What the source is called in the label `listener`. Default: its address, as 127.0.0.1:8080, [::]:8080, or its
   * path. */
  name?: string | undefined;
}

/** The instruments of a library, made to be read from `read`. */
export interface Instruments {
  /** Where the waits of a loop go, in seconds. */
  waitsOf: (listener: string) => (seconds: number) => void;
  /** A loop has left. */
  forget: (listener: string) => void;
  close: () => void;
}

interface Watched {
  source: Source;
  leave: () => void;
}

/**
 * What is watched, and the instruments that tell of it. Made by `prometheusMetrics` and `openTelemetryMetrics`. Everything is
 * read when it is asked for; between two scrapes only the event loop is looked at. Keeps no process alive.
 */
export class Metrics {
  readonly #synQueue: boolean;
  readonly #instruments: Instruments;
  readonly #pause: EventLoopPause;
  readonly #watched = new Map<object, Watched>();
  #closed = false;

  /** @internal `instrument` makes the instruments, which have each reading from the function that it gets. */
  constructor(synQueue: boolean, instrument: (read: () => Reading) => Instruments) {
    this.#synQueue = synQueue;
    this.#instruments = instrument(() => this.#read());
    this.#pause = new EventLoopPause();
  }

  /**
   * Watches a source from now on: its queue, and its accept loop, which of a server is that of `attach`. One that is closed
   * leaves by itself.
   *
   * @throws ERR_LISTENER_CLOSED, ERR_SERVER_NOT_RUNNING, ERR_SERVER_NO_DESCRIPTOR; ERR_INVALID_ARG_VALUE for a source that
   *   is watched already, by itself or by its server or loop, and for a name that another one has; ERR_METRICS_CLOSED
   */
  add(source: MetricsSource, options: AddOptions = {}): this {
    if (this.#closed) throw metricsClosed('add');
    const name = checkName(options);
    const added = sourceOf(source, name);
    this.#leaveClosed();
    this.#refuseDouble(added, source);
    this.#watched.set(source, { source: added, leave: this.#observeWaits(added) });
    return this;
  }

  /** Watches a source no longer; false if it was not watched, or has left because it was closed. */
  remove(source: MetricsSource): boolean {
    const watched = this.#watched.get(source);
    watched?.leave();
    return this.#watched.delete(source);
  }

  /** Takes the instruments back, and stops watching. The sources are as they were. A second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { leave } of this.#watched.values()) leave();
    this.#watched.clear();
    this.#instruments.close();
    this.#pause.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #read(): Reading {
    this.#leaveClosed();
    const sources = [...this.#watched.values()].map(({ source }) => source);
    return read(sources, this.#synQueue, this.#pause.longestMs);
  }

  #leaveClosed(): void {
    for (const [key, { source, leave }] of this.#watched) {
      if (!source.closed()) continue;
      leave();
      this.#watched.delete(key);
    }
  }

  #refuseDouble({ name, queues, parts }: Source, given: unknown): void {
    const names = namesOf({ name, queues });
    for (const { source } of this.#watched.values()) {
      if (parts.some((part) => source.parts.includes(part)))
        throw invalidArgValue('source', `is watched already, as '${source.name}'`, given);
      const held = namesOf(source).find((other) => names.includes(other));
      if (held !== undefined)
        throw invalidArgValue('options.name', 'must be one that no other source has', held);
    }
  }

  #observeWaits({ name, loop }: Source): () => void {
    if (loop === undefined) return () => undefined;
    const waited = this.#instruments.waitsOf(name);
    const end = observeWaits(loop, (ms) => waited(ms / 1000));
    return () => {
      end();
      this.#instruments.forget(name);
    };
  }
}

function namesOf({ name, queues }: Pick<Source, 'name' | 'queues'>): string[] {
  return [name, ...queues.map(({ listener }) => listener)];
}

function checkName(options: unknown): string | undefined {
  const given = check.object(options, 'options');
  check.noOthers(given, ['name'], 'options');
  if (given['name'] === undefined) return undefined;
  const name = check.text(given['name'], 'options.name');
  if (name === '') throw invalidArgValue('options.name', 'must not be empty', name);
  return name;
}
