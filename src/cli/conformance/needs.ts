import * as fs from 'node:fs';
import * as sys from 'listenq/syscalls';
import type { Fact, Need } from './fact';

/** Where facts run: in a private network namespace, or why not. */
export type PrivateNetwork = 'private' | { reason: string };

/** Why the fact cannot run here, by the name of what is missing; undefined if it can. */
export function whyNot(fact: Fact, network: PrivateNetwork): string | undefined {
  for (const need of fact.needs ?? []) {
    const reason = missing(need, network);
    if (reason !== undefined)
      return `needs ${need === 'private network' ? 'a private network' : need}: ${reason}`;
  }
  return undefined;
}

function missing(need: Need, network: PrivateNetwork): string | undefined {
  switch (need) {
    case 'root':
      return whyNotRoot();
    case 'private network':
      return network === 'private' ? undefined : network.reason;
    case 'IPv6':
      return whyNotIpv6();
  }
}

/** Root that can become somebody else, which user 0 of a user namespace with one user in it cannot. */
function whyNotRoot(): string | undefined {
  if (process.geteuid?.() !== 0) return `this is user ${process.geteuid?.()}`;
  const [, , count] = fs.readFileSync('/proc/self/uid_map', 'utf8').trim().split(/\s+/).map(Number);
  return (count ?? 0) > 65534 ? undefined : 'this is root of a user namespace only';
}

function whyNotIpv6(): string | undefined {
  try {
    const fd = sys.socket(sys.AF_INET6, sys.SOCK_STREAM | sys.SOCK_CLOEXEC);
    try {
      sys.bind(fd, { family: 'IPv6', address: '::1', port: 0 });
    } finally {
      sys.close(fd);
    }
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
