/** What setTimeout can be asked for; beyond it would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Calls `onTimeUp` after that time, unless the returned function is called first. Of 24 days and more: never. */
export function timeLimit(timeoutMs: number, onTimeUp: () => void): () => void {
  if (timeoutMs > LONGEST_TIMER_MS) return () => undefined;
  const timer = setTimeout(onTimeUp, timeoutMs);
  return () => clearTimeout(timer);
}
