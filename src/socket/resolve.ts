import * as net from 'node:net';
import { unpackAddress, type InternetAddress } from '../address';
import { invalidArgValue, makeSystemCallError, resolutionFailed } from '../errors';
import type { ResolutionAnswer } from '../native/contract';
import { native } from '../native/load';
import { deadlineAfter, keepWaiting, sliceUntil } from './blocking';

/**
 * The addresses that a host stands for, in getaddrinfo(3)'s order. A numeric address stands for itself; a name, or a
 * zone (fe80::1%eth0), is looked up on a thread of its own while this one waits.
 *
 * @throws an error shaped as that of node:dns: `code` 'ENOTFOUND' or 'EAI_…', `syscall` 'getaddrinfo', `hostname`
 */
export function resolve(host: string, port: number, passive: boolean, timeoutMs?: number): InternetAddress[] {
  // glibc would take it for 0.0.0.0, which is not all addresses.
  if (host === '*')
    throw invalidArgValue('options.host', 'must not be *; leave it out to listen at all addresses', host);
  const version = host.includes('%') ? 0 : net.isIP(host);
  if (version !== 0) return [{ family: version === 4 ? 'IPv4' : 'IPv6', address: host, port }];

  const answer = ask(host, port, passive, timeoutMs);
  if (answer.errno !== 0) throw makeSystemCallError(-answer.errno, 'getaddrinfo');
  const addresses = answer.addresses.map(unpackAddress).filter(isInternet);
  if (addresses.length === 0) throw resolutionFailed(host, answer.eai);
  return addresses;
}

function ask(host: string, port: number, passive: boolean, timeoutMs: number | undefined): ResolutionAnswer {
  const deadline = deadlineAfter(timeoutMs);
  const question = new native.Resolution(host, port, passive);
  try {
    for (;;) {
      const answer = question.within(sliceUntil(deadline));
      if (answer !== undefined) return answer;
      keepWaiting(deadline, 'getaddrinfo', () => resolutionFailed(host, 'ETIMEDOUT'));
    }
  } finally {
    question.close();
  }
}

function isInternet(address: ReturnType<typeof unpackAddress>): address is InternetAddress {
  return address.family !== 'unix';
}
