import { native } from '../native/load';

/** Warns if net.core.somaxconn is less than the backlog that listen(2) was given. @returns whether it is */
export function warnIfCapped(asked: number): boolean {
  const somaxconn = native.readSysctl('net/core/somaxconn');
  if (somaxconn === undefined || somaxconn >= asked) return false;
  process.emitWarning(
    `listen: backlog ${asked} was capped to ${somaxconn} by net.core.somaxconn, so that ${somaxconn + 1} connections can ` +
      `wait; "sysctl -w net.core.somaxconn=${asked}" raises it, for listen(2) calls that come after`,
    {
      type: 'ListenqBacklogWarning',
      code: 'LISTENQ_BACKLOG_CAPPED',
      detail: 'listen({ warnIfCapped: false }) leaves this warning out.',
    },
  );
  return true;
}
