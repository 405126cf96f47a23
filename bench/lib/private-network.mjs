import { writeFileSync } from 'node:fs';
import { enterPrivateNetwork } from '../../dist/lab.js';

/**
 * Moves this process, and those that it starts, into a network namespace of its own: counters that nobody else
 * moves, and a somaxconn that lets a queue hold what a row asks for. Returns why not where that is not possible.
 */
export function usePrivateNetwork(somaxconn) {
  try {
    enterPrivateNetwork();
  } catch (error) {
    return `needs a network namespace of its own, and so root: ${error.message}`;
  }
  writeFileSync('/proc/sys/net/core/somaxconn', String(somaxconn));
  return undefined;
}
