import type { Remedy } from './remedies';

/** Something that a check found. */
export interface Finding {
  /** For programs: never changes its meaning. */
  id: string;
  /** A problem ends the command with exit status 1; advice does not. */
  severity: 'problem' | 'advice';
  title: string;
  /** What it is about, one listener or process a line. */
  details: string[];
  remedies: Remedy[];
}

/** '1 listener', '2 listeners'. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
