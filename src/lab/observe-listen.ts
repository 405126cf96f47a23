import { native } from '../native/load';

/** One listen(2), as the kernel received it. */
export interface ListenCall {
  /** The kernel's number of the calling thread; that of the process for its main thread. */
  threadId: number;
  fd: number;
  /** The integer that arrived. */
  backlog: number;
}

export interface ListenObserver {
  /** The calls since the last take, in order. */
  take(): ListenCall[];
}

/**
 * Observes each listen(2) of this thread, and of the threads and processes that it starts from now on, at its entry
 * into the kernel: a seccomp user notification, which lets the call go on untouched. Needs no rights and no strace.
 *
 * The filter cannot be taken off again, and sets "no new privileges": use it in a process started for the purpose.
 *
 * @throws SystemCallError ENOSYS or EINVAL before Linux 5.5, EBUSY if such a filter is there already, EPERM
 */
export function observeListen(): ListenObserver {
  native.observeListen();
  return {
    take: () => native.takeListenCalls().map(([threadId, fd, backlog]) => ({ threadId, fd, backlog })),
  };
}
