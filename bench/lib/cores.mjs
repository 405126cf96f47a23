// The server on one core and the load generator on another, so that neither takes the other's time.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

function allowedCores() {
  const list = /^Cpus_allowed_list:\s*(.+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1];
  return list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

const cores = allowedCores();
const canPin = cores.length > 1 && spawnSync('taskset', ['--version']).status === 0;

export const pinning = canPin
  ? `each server alone on core ${cores[0]}, all its threads, and the load generator on core ${cores.at(-1)}`
  : `not pinned: ${cores.length > 1 ? 'taskset is not installed' : 'there is one core only'}`;

const pinned = (core, command) => (canPin ? ['taskset', '-c', String(core), ...command] : command);

export const onServerCore = (command) => pinned(cores[0], command);
export const onGeneratorCore = (command) => pinned(cores.at(-1), command);
