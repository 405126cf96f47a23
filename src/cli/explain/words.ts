/** `1, 2 and 3`. */
export function listed(items: readonly (string | number)[]): string {
  const last = items.at(-1) ?? '';
  return items.length < 2 ? String(last) : `${items.slice(0, -1).join(', ')} and ${last}`;
}

/** Milliseconds as seconds, for people. */
export function seconds(ms: number): string {
  return String(Number((ms / 1000).toPrecision(3)));
}

/** The kernel's own name of a counter of `counters()`: ListenDrops, TCPReqQFullDrop. */
function kernelName(counter: string): string {
  return counter.replace(/^tcp/, 'TCP').replace(/^[a-z]/, (letter) => letter.toUpperCase());
}

/** What moves, as in `ListenOverflows and ListenDrops by 1`. */
export function growth(counters: Readonly<Record<string, number>>): string {
  const names = Object.keys(counters);
  const by = [...new Set(Object.values(counters))];
  if (by.length === 1) return `${listed(names.map(kernelName))} by ${by[0]}`;
  return listed(names.map((name) => `${kernelName(name)} by ${counters[name]}`));
}
