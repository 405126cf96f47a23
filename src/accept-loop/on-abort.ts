/** Has `abort` called when the signal is aborted; in the next tick if it is already, as a server's may be before it listens.
 * @returns stops waiting for that */
export function onAbort(signal: AbortSignal | undefined, abort: (reason: Error) => void): () => void {
  if (signal === undefined) return () => undefined;
  const listener = (): void => abort(signal.reason as Error);
  if (signal.aborted) process.nextTick(listener);
  else signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}
