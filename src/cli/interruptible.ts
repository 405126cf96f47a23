/** Lets SIGINT and its kin end the work in order; the process then ends as by that signal. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  let caught: NodeJS.Signals | undefined;
  const abort = (signal: NodeJS.Signals): void => {
    caught = signal;
    controller.abort(new Error(`ended by ${signal}`));
  };
  for (const signal of signals) process.on(signal, abort);
  try {
    return await work(controller.signal);
  } finally {
    for (const signal of signals) process.off(signal, abort);
    if (caught !== undefined) process.kill(process.pid, caught);
  }
}
