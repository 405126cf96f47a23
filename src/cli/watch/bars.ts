const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'] as const;
const LEVELS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

/** A bar of `width` columns, filled to `share` (0 to 1) in steps of an eighth; anything above 0 shows. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(Math.max(share, 0), 1) * width * 8);
  const shown = share > 0 ? Math.max(eighths, 1) : 0;
  const text = '█'.repeat(Math.floor(shown / 8)) + (EIGHTHS[shown % 8] ?? '');
  return text.padEnd(width, '·');
}

/** One character for each share (0 to 1): the lowest is empty, the highest full, undefined a gap. */
export function historyLine(shares: readonly (number | undefined)[]): string {
  return shares.map((share) => (share === undefined ? ' ' : levelOf(share))).join('');
}

function levelOf(share: number): string {
  if (share <= 0) return LEVELS[0];
  // Full is told apart from nearly full, and anything from nothing.
  if (share >= 1) return LEVELS[7];
  return LEVELS[1 + Math.min(Math.floor(share * 6), 5)] ?? LEVELS[6];
}
