import cluster from 'node:cluster';
import type { ListeningHandle } from '../socket/node-internals';

/** Whether the socket is this process's, and not the primary's of a cluster. */
export function isOwnHandle(handle: Partial<ListeningHandle>): boolean {
  return typeof handle.fd === 'number' && handle.fd >= 0;
}

/** Whether the primary process of a cluster has sent it, to each of its workers (SCHED_NONE). To hear of its end node:cluster
 * gives it a `close` of its own. To be asked before this package does the same. */
export function isSharedHandle(handle: ListeningHandle): boolean {
  return cluster.isWorker && Object.hasOwn(handle, 'close');
}
