import * as c from '../constants';
import { asking } from '../errors';
import { native } from '../native/load';

/** What a worker thread opens while it starts: its event loop's descriptors, its program, its waker. */
const DESCRIPTORS = 12;

/**
 * Finds out whether a thread can be started, by opening as many descriptors as it will, and closing them again. Without
 * them Node's worker fails half-way, and later.
 *
 * @throws SystemCallError EMFILE, ENFILE, ENOBUFS, ENOMEM
 */
export function checkHeadroom(): void {
  const opened: number[] = [];
  try {
    for (let i = 0; i < DESCRIPTORS; i++) {
      const open = (): number => native.openSocket(c.AF_UNIX, c.SOCK_STREAM | c.SOCK_CLOEXEC, 0);
      opened.push(asking(`a thread, which takes ${DESCRIPTORS} descriptors`, open));
    }
  } finally {
    for (const fd of opened) native.closeOwned(fd);
  }
}
