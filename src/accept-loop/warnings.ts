/** A process warning of a server, with the stack of what caused it. */
export function warnOf(type: string, message: string, error: Error | undefined): void {
  const stack = error?.stack;
  process.emitWarning(message, { type, ...(stack === undefined ? {} : { detail: stack }) });
}

/** For shortages that nobody listens to. */
export function warnOfShortage(error: Error): void {
  process.emitWarning(`accept loop: ${error.message}`, {
    type: 'ListenqShortageWarning',
    code: 'LISTENQ_SHORTAGE',
    detail: `The kernel keeps what is queued; accepting goes on when there is room. Listen to 'shortage' to hear of it.`,
  });
}
