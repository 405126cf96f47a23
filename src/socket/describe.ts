import * as c from '../constants';
import { formatAddress, isSystemError } from '../errors';
import { native } from '../native/load';
import { localName, peerName } from './names';

function nameOf(value: number, names: readonly string[]): string {
  return names.find((name) => native.constants[name] === value) ?? String(value);
}

/** Domain, type and protocol of a socket, by their C names: SO_DOMAIN, SO_TYPE, SO_PROTOCOL. */
export function socketKind(fd: number): { family: string; type: string; protocol: string } {
  const option = (name: number): number => native.getsockoptInt(fd, c.SOL_SOCKET, name);
  const protocol = option(c.SO_PROTOCOL);
  return {
    family: nameOf(option(c.SO_DOMAIN), ['AF_INET', 'AF_INET6', 'AF_UNIX']),
    type: nameOf(option(c.SO_TYPE), ['SOCK_STREAM', 'SOCK_SEQPACKET', 'SOCK_DGRAM']),
    protocol: protocol === 0 ? '0' : nameOf(protocol, ['IPPROTO_TCP', 'IPPROTO_MPTCP']),
  };
}

/** A socket as a line to print: descriptor, family, type, protocol, local address and peer. */
export function describeSocket(fd: number): string {
  const { family, type, protocol } = socketKind(fd);
  const local = formatAddress(localName(fd));
  return `fd: ${fd}, family: ${family}, type: ${type}, protocol: ${protocol}, local: ${local || "''"}${peerOf(fd)}`;
}

function peerOf(fd: number): string {
  try {
    return `, remote: ${formatAddress(peerName(fd)) || "''"}`;
  } catch (error) {
    if (isSystemError(error, 'ENOTCONN')) return '';
    throw error;
  }
}
