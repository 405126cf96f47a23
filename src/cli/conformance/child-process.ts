/** A child process of a fact: makes one call on the socket that it inherited, and says so. */
import * as sys from '../../syscalls';
import type { ChildTask } from './child';

/** Where the parent has put the socket. */
const INHERITED = 3;
const WAIT_MS = 15_000;

function accept(): string {
  sys.poll([{ fd: INHERITED, events: sys.POLLIN }], WAIT_MS);
  sys.setNonblocking(INHERITED, true);
  sys.close(sys.accept(INHERITED, sys.SOCK_CLOEXEC).fd);
  return 'accepted';
}

function listen(): string {
  sys.listen(INHERITED, 16);
  return 'listening';
}

const TASKS: Readonly<Record<ChildTask, () => string>> = { accept, listen };
process.stdout.write(TASKS[process.argv[2] as ChildTask]());
