/** Makes a call that may fail and must not end the rest: why it failed is noted, after what was attempted. */
export function attempt<T>(what: string, call: () => T, failures: string[]): T | undefined {
  try {
    return call();
  } catch (error) {
    failures.push(`${what}: ${(error as Error).message}`);
    return undefined;
  }
}
