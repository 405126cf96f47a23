import * as fs from 'node:fs';
import * as path from 'node:path';
import { Worker } from 'node:worker_threads';
import { eventually } from './outcome';
import type { Scope } from './scope';

/** A call that can block: `connect` is to the abstract name `to`. */
export type BlockingCall = 'accept' | 'recv' | 'poll' | 'connect';

export interface ThreadTask {
  call: BlockingCall;
  fd: number;
  to: string | undefined;
  words: Int32Array;
  text: Uint8Array;
}

/** Places in the memory that both threads see. */
export const TID = 0;
export const DONE = 1;
export const LENGTH = 2;
export const FD = 3;

/** How long the thread may take to end after its call has returned. */
const ENDS_WITHIN_MS = 5000;

/**
 * A second thread, inside one blocking system call. It ends when that call returns, so each fact must see to that.
 */
export class BlockedThread {
  readonly #words = new Int32Array(new SharedArrayBuffer(16));
  readonly #text = new Uint8Array(new SharedArrayBuffer(256));
  readonly #scope: Scope;

  /** Returns once the thread sleeps in the kernel. */
  constructor(scope: Scope, call: BlockingCall, fd: number, to?: string) {
    this.#scope = scope;
    const workerData: ThreadTask = { call, fd, to, words: this.#words, text: this.#text };
    const worker = new Worker(path.join(__dirname, 'blocked-thread-worker.js'), { workerData });
    const ended = new Promise<void>((resolve) => {
      worker.once('exit', () => {
        resolve();
      });
    });
    scope.defer(async () => {
      const late = new Promise<void>((_, reject) => {
        const timer = setTimeout(() => {
          worker.unref();
          reject(new Error('the second thread is still blocked'));
        }, ENDS_WITHIN_MS);
        void ended.then(() => {
          clearTimeout(timer);
        });
      });
      await Promise.race([ended, late]);
    });
    if (Atomics.wait(this.#words, TID, 0, 20_000) === 'timed-out')
      throw new Error('the second thread did not start');
    if (!eventually(() => this.#asleep(), 5000)) throw new Error('the second thread did not block');
  }

  /** What the call came to, 'still blocked' after `ms`. A descriptor from accept belongs to the scope. */
  outcome(ms = 5000): string {
    if (Atomics.wait(this.#words, DONE, 0, ms) === 'timed-out') return 'still blocked';
    const fd = Atomics.exchange(this.#words, FD, -1);
    if (fd > 0) this.#scope.own(fd);
    return Buffer.from(this.#text).toString('utf8', 0, this.#words[LENGTH]);
  }

  /** Seen asleep twice, so that a wait for a lock on the way into the call does not count. */
  #asleep(): boolean {
    if (Atomics.load(this.#words, DONE) !== 0) return true;
    const sleeping = (): boolean => {
      const stat = fs.readFileSync(`/proc/self/task/${this.#words[TID]}/stat`, 'utf8');
      return stat.slice(stat.lastIndexOf(')') + 2).startsWith('S');
    };
    if (!sleeping()) return false;
    Atomics.wait(this.#words, DONE, 0, 15);
    return Atomics.load(this.#words, DONE) !== 0 || sleeping();
  }
}
