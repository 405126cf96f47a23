/** A child process of a fact: makes one call, mostly on a socket that it inherited, and says so. */
import { enterPrivateNetwork } from 'listenq/lab';
import * as sys from 'listenq/syscalls';
import type { ChildTask } from './child';
import { outcome } from './outcome';

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

function connectFromAnotherNetwork(): string {
  enterPrivateNetwork();
  const fd = sys.socket(sys.AF_UNIX, sys.SOCK_STREAM | sys.SOCK_CLOEXEC);
  return outcome(() => {
    sys.connect(fd, { family: 'unix', path: `\0${process.argv[3] ?? ''}` });
  });
}

const TASKS: Readonly<Record<ChildTask, () => string>> = { accept, listen, connectFromAnotherNetwork };
process.stdout.write(TASKS[process.argv[2] as ChildTask]());
