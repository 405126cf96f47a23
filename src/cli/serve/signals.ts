const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Catches the first signal that asks the process to end; the next one does what it does to any process, after `atOnce`. */
export function firstSignal(atOnce: () => void): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let heard = false;
    const hear = (signal: NodeJS.Signals): void => {
      if (!heard) {
        heard = true;
        resolve(signal);
        return;
      }
      for (const name of SIGNALS) process.off(name, hear);
      atOnce();
      process.kill(process.pid, signal);
    };
    for (const name of SIGNALS) process.on(name, hear);
  });
}
