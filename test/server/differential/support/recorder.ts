import type { EventEmitter } from 'node:events';
import * as net from 'node:net';

/** One thing that happened, and with what. */
export type Entry = [what: string, ...values: unknown[]];

/** What of an error is compared. */
const ERROR_FIELDS = ['code', 'errno', 'syscall', 'address', 'port', 'dest', 'hostname'] as const;

/** Keeps what happens, in its order, in a form that two runs can be compared by. */
export class Recorder {
  readonly #entries: Entry[] = [];
  readonly #names = new Map<string, string>();

  /** All that happened, with names for what differs from run to run. */
  get entries(): Entry[] {
    return this.#entries.map((entry) => this.#named(entry) as Entry);
  }

  get length(): number {
    return this.#entries.length;
  }

  /** Has `<name>` stand for `value`: for a port, a folder. */
  name(value: number | string, name: string): void {
    this.#names.set(String(value), `<${name}>`);
  }

  note(what: string, ...values: unknown[]): void {
    this.#entries.push([what, ...values.map(plain)]);
  }

  /** Calls, and keeps what it returned or threw. */
  attempt<T>(what: string, call: () => T): T | undefined {
    try {
      const result = call();
      this.note(`${what} returned`, result);
      return result;
    } catch (error) {
      this.note(`${what} threw`, error);
      return undefined;
    }
  }

  /** Keeps each of these events of `emitter`, with its arguments. */
  events(what: string, emitter: EventEmitter, ...names: string[]): void {
    for (const name of names)
      emitter.on(name, (...values: unknown[]) => this.note(`${what} '${name}'`, ...values));
  }

  /** Keeps when the turn's next ticks, microtasks and immediates come. */
  marks(what: string): void {
    process.nextTick(() => this.note(`${what}: next tick`));
    queueMicrotask(() => this.note(`${what}: microtask`));
    setImmediate(() => this.note(`${what}: immediate`));
  }

  #named(value: unknown): unknown {
    if (typeof value === 'string') return this.#namedText(value);
    if (typeof value === 'number') return this.#names.get(String(value)) ?? value;
    if (Array.isArray(value)) return value.map((one) => this.#named(one));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.#named(one)]));
  }

  #namedText(text: string): string {
    let named = text;
    for (const [value, name] of this.#names) {
      const whole = /^\d+$/.test(value) ? new RegExp(`(?<!\\d)${value}(?!\\d)`, 'g') : value;
      named = named.replaceAll(whole, name);
    }
    return named;
  }
}

/** A value as it is at this moment, without what has an identity. */
function plain(value: unknown): unknown {
  if (value instanceof Error) return plainError(value);
  if (typeof value === 'function' || typeof value === 'symbol') return typeof value;
  if (value instanceof net.Server) return 'a Server';
  if (value instanceof net.Socket) return 'a Socket';
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}

function plainError(error: Error): unknown {
  const fields = error as Error & Record<string, unknown>;
  const known = ERROR_FIELDS.filter((field) => fields[field] !== undefined);
  return {
    error: error.name,
    message: error.message,
    ...Object.fromEntries(known.map((field) => [field, plain(fields[field])])),
  };
}
