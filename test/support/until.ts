/** Far above any wait in the tests and far below "for ever". */
const LATE_MS = 20_000;

/** Waits until it holds, and fails by name if it never does. */
export async function until(holds: () => boolean | Promise<boolean>, what = holds.toString()): Promise<void> {
  const end = performance.now() + LATE_MS;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`it never came to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
