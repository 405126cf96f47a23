import * as sys from 'listenq/syscalls';

const NAMES = [
  'IN',
  'PRI',
  'OUT',
  'ERR',
  'HUP',
  'NVAL',
  'RDNORM',
  'RDBAND',
  'WRNORM',
  'WRBAND',
  'RDHUP',
] as const;

const BITS: Readonly<Record<(typeof NAMES)[number], number>> = {
  IN: sys.POLLIN,
  PRI: sys.POLLPRI,
  OUT: sys.POLLOUT,
  ERR: sys.POLLERR,
  HUP: sys.POLLHUP,
  NVAL: sys.POLLNVAL,
  RDNORM: sys.POLLRDNORM,
  RDBAND: sys.POLLRDBAND,
  WRNORM: sys.POLLWRNORM,
  WRBAND: sys.POLLWRBAND,
  RDHUP: sys.POLLRDHUP,
};

/** All that can be asked for. */
export const ALL =
  NAMES.reduce((bits, name) => bits | BITS[name], 0) & ~(sys.POLLERR | sys.POLLHUP | sys.POLLNVAL);

/** What poll(2) says of a descriptor now, or once it says anything, by names: 'IN|RDNORM'; '0' for nothing. */
export function pollText(fd: number, events = ALL, timeoutMs = 0): string {
  const entry: sys.PollEntry = { fd, events };
  sys.poll([entry], timeoutMs);
  return eventsText(entry.revents ?? 0);
}

export function eventsText(revents: number): string {
  const names = NAMES.filter((name) => (revents & BITS[name]) !== 0);
  return names.length === 0 ? '0' : names.join('|');
}
