import { isSystemError } from '../errors';
import { listenCounters } from '../kernel/counters';
import { diagnosedSynLengths } from '../kernel/diagnosed';
import { isGone, queueOf } from '../socket/queue-of';
import type { Reading } from './instruments';
import type { Source, SourceQueue } from './sources';

/** Reads what the kernel and the loops say of these sources now. What cannot be read is left out; nothing throws because a
 * listener is being closed meanwhile. */
export function read(sources: readonly Source[], synQueue: boolean, longestPauseMs: number): Reading {
  const queues = sources.flatMap((source) => source.queues);
  // For all listeners in one go: the kernel walks all its connections for one of them just the same.
  const synLengths = synQueue && queues.length > 0 ? unlessRefused(diagnosedSynLengths) : undefined;
  return {
    queues: queues.flatMap((queue) => readQueue(queue, synLengths?.get(queue.inode))),
    loops: sources.flatMap(({ name, loop }) =>
      loop === undefined ? [] : [{ listener: name, stats: loop.stats() }],
    ),
    counters: unlessRefused(listenCounters) ?? {},
    longestPauseMs,
  };
}

function readQueue({ listener, of }: SourceQueue, synLength: number | undefined): Reading['queues'] {
  try {
    return [{ listener, queue: queueOf(of), synLength }];
  } catch (error) {
    // Gone; or, at a path, not told by a kernel without unix_diag.
    if (isSystemError(error) || isGone(error)) return [];
    throw error;
  }
}

function unlessRefused<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}
