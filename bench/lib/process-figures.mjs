// What a process costs, as the kernel counts it, from outside.
import { readFileSync, readdirSync } from 'node:fs';

const threads = (pid) => readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}`);
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/** User and system time of all threads. The kernel's clock of its scheduler, in nanoseconds, not one of 10 ms ticks. */
export function cpuNanoseconds(pid) {
  return sum(threads(pid).map((thread) => Number(readFileSync(`${thread}/schedstat`, 'utf8').split(' ')[0])));
}

/** How often a thread of it has gone to sleep, and so how often one was woken. */
export function wakeUps(pid) {
  const count = /^voluntary_ctxt_switches:\s*(\d+)/m;
  return sum(threads(pid).map((thread) => Number(count.exec(readFileSync(`${thread}/status`, 'utf8'))[1])));
}

/** Resident memory in bytes, counted page by page: the figure in status is an estimate. */
export function residentBytes(pid) {
  return Number(/^Rss:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]) * 1024;
}
