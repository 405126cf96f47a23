import { isSystemError } from '../errors';
import { native } from '../native/load';

/** The accept queue of a listener. */
export interface Queue {
  /** Connections that wait to be accepted. */
  length: number;
  /** The effective backlog: min(backlog as unsigned, net.core.somaxconn). One more than this can wait. */
  limit: number;
  /** SYNs that this listener has dropped since it was made (with TCP_DEFER_ACCEPT also the last packet of each handshake,
   * which it then ignores). AF_UNIX counts none: undefined. */
  drops: number | undefined;
}

const words = native.queueWords;

/** @internal Reads the queue of a listening descriptor. @throws SystemCallError EINVAL if it does not listen */
export function queueOfDescriptor(fd: number): Queue {
  const counted = native.readQueue(fd);
  return {
    length: words[0] as number,
    limit: words[1] as number,
    drops: counted ? words[2] : undefined,
  };
}

/** The backlog of a living queue; for AF_UNIX a kernel without unix_diag does not tell. */
export function limitOf(fd: number): number | undefined {
  try {
    return queueOfDescriptor(fd).limit;
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}
