import type { Queue } from '../kernel/queue';
import type { Listener } from '../socket/listener';
import { readingOf, type PressureReading } from '../socket/pressure';

/** How full the queues of a loop are: its own, of which `waiting` is known, and the kernel's. A loop that refuses those
 * who come when `maxWaiting` wait empties the kernel's all the time: then there is room for so many. */
export function loopLoad(
  { highWaterMark, maxWaiting, action }: { highWaterMark: number; maxWaiting: number; action: number },
  waiting: number,
  listeners: readonly Listener[],
): PressureReading {
  const sheds = action !== 0 && maxWaiting >= 0;
  const kernel = sheds ? { waiting: 0, room: 0 } : queueLoad(listeners);
  return readingOf(waiting + kernel.waiting, (sheds ? maxWaiting : highWaterMark) + kernel.room);
}

function queueLoad(listeners: readonly Listener[]): { waiting: number; room: number } {
  const load = { waiting: 0, room: 0 };
  for (const listener of listeners) {
    const queue = queueUnlessClosed(listener);
    load.waiting += queue?.length ?? 0;
    load.room += queue === undefined ? 0 : queue.limit + 1;
  }
  return load;
}

/** Any thread may close it, at any moment. */
function queueUnlessClosed(listener: Listener): Queue | undefined {
  try {
    return listener.queue();
  } catch (error) {
    if (listener.closed) return undefined;
    throw error;
  }
}
