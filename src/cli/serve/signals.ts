const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** Catches the first signal that asks the process to end; the next one does what it does to any process. */
export function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const hear = (signal: NodeJS.Signals): void => {
      for (const name of SIGNALS) process.off(name, hear);
      resolve(signal);
    };
    for (const name of SIGNALS) process.on(name, hear);
  });
}
