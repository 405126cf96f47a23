import { asking, listenFdsInvalid, platformUnsupported, SUPPORTED } from '../errors';
import { native } from '../native/load';

/** A descriptor that a service manager left open for this process. */
export interface ActivationDescriptor {
  fd: number;
  /** FileDescriptorName= of the unit, without one the unit's name; 'unknown' where the manager gives no names. */
  name: string;
}

/** SD_LISTEN_FDS_START: after stdin, stdout and stderr. */
const FIRST = 3;
const MOST = 2 ** 31 - 1 - FIRST;
const VARIABLES = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES'] as const;

/**
 * Takes the descriptors with which systemd, or another manager that speaks its protocol, started this process:
 * sd_listen_fds_with_names(3). They are made CLOEXEC, and LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES removed from
 * process.env, so that no child takes them for its own; a second call gives none. Does not block.
 *
 * A worker has its own copy of process.env: call it in the main thread.
 *
 * @returns the descriptors in their order, the caller's: `listen({ fd })` keeps the backlog that the manager asked for.
 *   None if the variables are not set, or name another process, to which they are then left
 * @throws ERR_INVALID_LISTEN_FDS if the variables contradict themselves; SystemCallError EBADF of a descriptor that is
 *   not open. The variables are then left as they are
 */
export function listenFds(): ActivationDescriptor[] {
  if (!SUPPORTED) throw platformUnsupported();
  const { LISTEN_PID: pid, LISTEN_FDS: count, LISTEN_FDNAMES: names } = process.env;
  if (pid === undefined || count === undefined) return [];
  if (wholeNumber('LISTEN_PID', pid, 2 ** 31 - 1) !== process.pid) return [];
  const taken = takeAll(wholeNumber('LISTEN_FDS', count, MOST), names);
  for (const name of VARIABLES) Reflect.deleteProperty(process.env, name);
  return taken;
}

function wholeNumber(variable: string, text: string, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(value <= most)) throw listenFdsInvalid(`${variable} must be a whole number from 0 to ${most}`, text);
  return value;
}

function takeAll(count: number, names: string | undefined): ActivationDescriptor[] {
  // '' splits into one.
  const list = count === 0 && names === '' ? [] : names?.split(':');
  if (list !== undefined && list.length !== count) {
    throw listenFdsInvalid(`LISTEN_FDNAMES must have ${count} names, as LISTEN_FDS says`, names);
  }
  const taken: ActivationDescriptor[] = [];
  // One by one: of a number beyond all reason the first that is not open ends it.
  for (let fd = FIRST; fd < FIRST + count; fd++) {
    const name = list?.[fd - FIRST] ?? 'unknown';
    asking(`descriptor ${fd} ('${name}') of LISTEN_FDS=${count}`, () => {
      native.setCloexec(fd);
    });
    taken.push({ fd, name });
  }
  return taken;
}
