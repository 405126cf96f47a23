import { native } from '../native/load';
import * as check from '../validate';

/** What `worker.threadId` says once the worker has ended. */
const ENDED = -1;

/**
 * Interrupts the blocking-style call (accept, recv, send, connect) that another thread of this process is in, or else
 * the next one that it would wait in: that call throws `ERR_INTERRUPTED`. Nothing is lost (of a
 * `connect`, its half-made socket is closed); the thread may go on. Does not block.
 *
 * @param threadId `worker.threadId`, or 0 for the main thread
 * @returns false if no thread of that number has this package loaded
 */
export function interrupt(threadId: number): boolean {
  const thread = check.integer(threadId, 'threadId', ENDED, Number.MAX_SAFE_INTEGER);
  return thread !== ENDED && native.interruptThread(thread);
}
