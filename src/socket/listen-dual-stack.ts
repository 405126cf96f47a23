import type { InternetAddress } from '../address';
import { invalidArgValue, isSystemError } from '../errors';
import * as check from '../validate';
import { listen, type ListenOptions } from './listen';
import type { Listener } from './listener';
import { resolve } from './resolve';

export type DualStackOptions = Omit<ListenOptions, 'path' | 'fd' | 'ipv6Only' | 'seqpacket' | 'mode'>;

/** A port that the kernel picks for one family may be taken in the other; then another one is tried. */
const ATTEMPTS = 16;

/**
 * Listens on one port with two sockets, one for IPv4 and one for IPv6 (IPV6_V6ONLY), each with a queue of its own.
 * `host`: both any-addresses unless given; a name must have an address of each family ('localhost' always has).
 *
 * @returns the IPv4 listener, then the IPv6 one. If this throws, neither is left.
 * @throws as `listen`; EAFNOSUPPORT or EADDRNOTAVAIL where there is no IPv6
 */
export function listenDualStack(options: DualStackOptions = {}): [Listener, Listener] {
  const given = check.object(options, 'options');
  for (const name of ['path', 'fd', 'ipv6Only', 'seqpacket', 'mode']) {
    if (given[name] !== undefined)
      throw invalidArgValue(`options.${name}`, 'cannot go with two families', given[name]);
  }
  const port = options.port === undefined ? 0 : check.port(options.port, 'options.port');
  const [ipv4, ipv6] = hostsOf(options.host);
  for (let attempt = 1; ; attempt++) {
    const first = listen({ ...options, host: ipv4, port });
    try {
      const chosen = (first.address() as InternetAddress).port;
      return [first, listen({ ...options, host: ipv6, port: chosen, ipv6Only: true })];
    } catch (error) {
      first.close();
      if (port !== 0 || attempt === ATTEMPTS || !isSystemError(error, 'EADDRINUSE')) throw error;
    }
  }
}

function hostsOf(host: unknown): [ipv4: string, ipv6: string] {
  if (host === undefined) return ['0.0.0.0', '::'];
  const name = check.text(host, 'options.host');
  if (name === '')
    throw invalidArgValue('options.host', 'must not be empty; leave it out for all addresses', name);
  if (name === 'localhost') return ['127.0.0.1', '::1'];
  const addresses = resolve(name, 0, true);
  const ipv4 = addresses.find((address) => address.family === 'IPv4');
  const ipv6 = addresses.find((address) => address.family === 'IPv6');
  if (ipv4 === undefined || ipv6 === undefined) {
    throw invalidArgValue('options.host', 'must have an IPv4 and an IPv6 address', name);
  }
  return [ipv4.address, ipv6.address];
}
