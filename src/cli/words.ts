/** `1 client`, `6 clients`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Where a line may end: not within a sysctl line, which people copy. */
const GAP = /(?<!sysctl|sysctl -w) /;

/** A paragraph over as many lines as it needs. */
export function wrapped(paragraph: string, width: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of paragraph.split(GAP)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join('\n');
}
