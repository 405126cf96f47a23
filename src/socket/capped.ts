import { isSystemError } from '../errors';
import { queueOfDescriptor } from '../kernel/queue';

/** Warns if the kernel holds less than the backlog that was asked for. @returns whether it did */
export function warnIfCapped(fd: number, asked: number): boolean {
  const limit = limitOf(fd);
  if (limit === undefined || limit >= asked) return false;
  process.emitWarning(
    `listen: backlog ${asked} was capped to ${limit} by net.core.somaxconn, which lets ${limit + 1} connections wait; ` +
      `"sysctl -w net.core.somaxconn=${asked}" raises it, for listen(2) calls that come after`,
    {
      type: 'ListenqBacklogWarning',
      code: 'LISTENQ_BACKLOG_CAPPED',
      detail: 'listen({ warnIfCapped: false }) leaves this warning out.',
    },
  );
  return true;
}

/** The effective backlog; undefined where it cannot be read, as for AF_UNIX on a kernel without unix_diag. */
export function limitOf(fd: number): number | undefined {
  try {
    return queueOfDescriptor(fd).limit;
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}
