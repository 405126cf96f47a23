import type { Address } from 'listenq';
import type { ListeningSocket, SocketProcess } from 'listenq/kernel';
import { fullness } from './fullness';
import { printable } from './terminal';

/** An address as people write it, with the interface that the listener is bound to, and whether it is one of MPTCP. */
export function addressText({
  address,
  interface: bound,
  ipv6Only,
  protocol,
}: Pick<ListeningSocket, 'address' | 'interface' | 'ipv6Only' | 'protocol'>): string {
  const on = bound === undefined ? '' : ` on ${bound}`;
  const over = protocol === 'mptcp' ? ' mptcp' : '';
  return printable(`${plainAddress(address, ipv6Only)}${on}${over}`);
}

function plainAddress(address: Address, ipv6Only: boolean | undefined): string {
  switch (address.family) {
    case 'IPv4':
      return `${address.address}:${address.port}`;
    case 'IPv6':
      // As ss(8) has it: that listener hears IPv4 too.
      if (address.address === '::' && ipv6Only === false) return `*:${address.port}`;
      return `[${address.address}]:${address.port}`;
    case 'unix':
      if (address.path === '') return '(unnamed)';
      return address.path.replace(/^\0/, '@');
  }
}

/** Who has the listener open: the first process, and how many more; '-' if nobody is seen, '?' if that is not known. */
export function ownerText({ processes }: Pick<ListeningSocket, 'processes'>): string {
  const [first, ...others] = ownersOf(processes ?? []);
  if (first === undefined) return processes === undefined ? '?' : '-';
  const more = others.length === 0 ? '' : ` +${others.length}`;
  return `${printable(first.name)} ${first.pid}${more}`;
}

/** Each process once, although it may hold several descriptors. */
function ownersOf(processes: readonly SocketProcess[]): SocketProcess[] {
  return processes.filter(({ pid }, i) => processes.findIndex((other) => other.pid === pid) === i);
}

/** Fullest first; among equals whoever dropped most. */
export function byFullness(a: ListeningSocket, b: ListeningSocket): number {
  return (fullness(b) ?? -1) - (fullness(a) ?? -1) || (b.drops ?? -1) - (a.drops ?? -1);
}

const SHOWN = ['length', 'limit', 'drops', 'synLength', 'processes'] as const;

/** Of what is shown and not known of these listeners: why, each reason once. */
export function reasons(sockets: readonly ListeningSocket[]): string[] {
  const fieldsBy = new Map<string, Set<string>>();
  for (const { protocol, why } of sockets) {
    for (const field of SHOWN) {
      const reason = why[field];
      // That the kernel counts none of a Unix-domain socket is no trouble of this machine.
      if (reason === undefined || (protocol === 'unix' && field === 'drops')) continue;
      fieldsBy.set(reason, (fieldsBy.get(reason) ?? new Set()).add(field));
    }
  }
  return [...fieldsBy].map(([reason, fields]) => `${[...fields].join(', ')}: ${reason}`);
}
