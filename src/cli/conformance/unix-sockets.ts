import { randomBytes } from 'node:crypto';
import * as sys from 'listenq/syscalls';
import { answer } from './outcome';
import type { Scope } from './scope';

/** An abstract name that nobody has: no file to leave behind. */
export function unixName(): sys.UnixAddress {
  return { family: 'unix', path: `\0listenq-conformance-${randomBytes(8).toString('hex')}` };
}

export function unixSocket(s: Scope, type = sys.SOCK_STREAM): number {
  return s.socket(sys.AF_UNIX, type);
}

export function unixListener(
  s: Scope,
  name: sys.Address = unixName(),
  backlog = 16,
  type = sys.SOCK_STREAM,
): number {
  const fd = unixSocket(s, type);
  sys.bind(fd, name);
  sys.listen(fd, backlog);
  return fd;
}

/** A client that does not wait: 'ok', or why it was refused. */
export function unixKnock(s: Scope, name: sys.Address, type = sys.SOCK_STREAM): string {
  const fd = unixSocket(s, type | sys.SOCK_NONBLOCK);
  return answer(() => {
    sys.connect(fd, name);
    return 'ok';
  });
}

/** What `count` clients come to, one after another: '2 ok, 4 EAGAIN'. */
export function unixKnocks(s: Scope, name: sys.Address, count: number, type = sys.SOCK_STREAM): string {
  const seen = Array.from({ length: count }, () => unixKnock(s, name, type));
  return [...new Set(seen)].map((what) => `${seen.filter((one) => one === what).length} ${what}`).join(', ');
}
