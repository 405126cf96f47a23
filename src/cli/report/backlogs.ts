/** Backlogs that programs ask for, and those about a power of two or an end of what listen(2) takes. */
const BACKLOGS = [0, 1, 2, 5, 16, 64, 128, 511, 1024, 4095, 4096, 65535, 65536, 2147483647, -2147483648, -1];

/** The backlogs that the report explains, those about net.core.somaxconn too, as the kernel orders them: unsigned. */
export function reportedBacklogs(somaxconn: number | undefined): number[] {
  const about = somaxconn === undefined ? [] : [somaxconn, somaxconn + 1].map((number) => number | 0);
  return [...new Set([...BACKLOGS, ...about])].sort((a, b) => (a >>> 0) - (b >>> 0));
}
