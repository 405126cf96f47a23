import { listen } from 'listenq';
import type { BacklogExplanation } from 'listenq/kernel';
import * as sys from 'listenq/syscalls';
import type { Scope } from '../conformance/scope';
import { timeval } from '../conformance/sockets';
import { unixName } from '../conformance/unix-sockets';
import type { Case } from './case';
import type { Comparison } from './verdict';

/** How long a blocking connect(2) may wait for room. */
const PATIENCE_MS = 10;

/** Fills the queue of an AF_UNIX listener, and looks at the client that comes then. */
export function unixQueue(
  s: Scope,
  { kind, backlog, fillUpTo }: Case,
  { unix }: BacklogExplanation,
): Comparison {
  const name = unixName();
  const type = kind === 'seqpacket' ? sys.SOCK_SEQPACKET : sys.SOCK_STREAM;
  const listener = s.use(listen({ path: name.path, backlog, seqpacket: kind === 'seqpacket' }));
  const most = Math.min(unix.waiting, fillUpTo);
  for (let admitted = 0; admitted < most && knock(type, name) === 'admitted'; admitted++);
  const { length, limit } = listener.queue();
  if (unix.waiting > fillUpTo) {
    return {
      predicted: { backlog: unix.backlog, waiting: fillUpTo },
      found: { backlog: limit, waiting: length },
    };
  }
  return {
    predicted: { backlog: unix.backlog, waiting: unix.waiting, ...unix.next },
    found: {
      backlog: limit,
      nonBlocking: knock(type, name),
      blocking: wait(type, name),
      waiting: listener.queue().length,
    },
  };
}

/** A client that does not wait. It closes at once: its connection keeps its place. */
function knock(type: number, to: sys.Address): string {
  const fd = sys.socket(sys.AF_UNIX, type | sys.SOCK_NONBLOCK | sys.SOCK_CLOEXEC);
  try {
    sys.connect(fd, to);
    return 'admitted';
  } catch (error) {
    return (error as sys.SystemCallError).code;
  } finally {
    sys.close(fd);
  }
}

/** A client that waits, as long as SO_SNDTIMEO lets it. */
function wait(type: number, to: sys.Address): string {
  const fd = sys.socket(sys.AF_UNIX, type | sys.SOCK_CLOEXEC);
  const start = performance.now();
  try {
    sys.setsockopt(fd, sys.SOL_SOCKET, sys.SO_SNDTIMEO, timeval(PATIENCE_MS));
    sys.connect(fd, to);
    return 'admitted';
  } catch (error) {
    const { code } = error as sys.SystemCallError;
    return code === 'EAGAIN' && performance.now() - start > PATIENCE_MS / 2 ? 'waits' : code;
  } finally {
    sys.close(fd);
  }
}
