import { packAddress, type InternetAddress } from '../address';
import { invalidArgValue, naming } from '../errors';
import { native } from '../native/load';
import * as check from '../validate';
import type { ListeningSocket } from './listeners';

/** A TCP socket by its two ends, as `Connection` has them; a listener has no remote one. */
export interface SocketToDestroy {
  localAddress: InternetAddress;
  remoteAddress?: InternetAddress;
  /** The interface that it is bound to. */
  interface?: string;
  /** SO_COOKIE, hexadecimal: only the very socket that had it. Without it, whichever has these addresses now. */
  cookie?: string;
}

/**
 * Ends a TCP socket, whoever has it, as "ss -K" does: SOCK_DESTROY over NETLINK_SOCK_DIAG, sock_diag(7). The peer of a
 * connection is reset, and the owner's calls fail with ECONNABORTED; a listener stops, its accept(2) fails with EINVAL,
 * and what it had queued is reset. Its owner still holds the descriptor. Does not block.
 *
 * @param socket one that `listeners()` returned, or a socket's two ends
 * @throws SystemCallError EPERM without CAP_NET_ADMIN in the user namespace of this network, ENOENT if there is no such
 *   socket in it (any more), EOPNOTSUPP if the kernel is built without INET_DIAG_DESTROY; TypeError for MPTCP and
 *   Unix-domain sockets, which the kernel cannot destroy
 */
export function destroySocket(socket: ListeningSocket | SocketToDestroy): void {
  const given = check.object(socket, 'socket');
  const { local, remote } = endsOf(given);
  const device = given['interface'] === undefined ? '' : check.text(given['interface'], 'socket.interface');
  if (given['interface'] === '') throw invalidArgValue('socket.interface', 'must not be empty', device);
  const cookie = cookieIn(given);
  const packed = packAddress(local, 'socket.localAddress');
  const peer = remote === undefined ? new Uint8Array() : packAddress(remote, 'socket.remoteAddress');
  naming(local as InternetAddress, () => {
    native.destroySocket(packed, peer, device, cookie);
  });
}

/** The local end, and the remote one of a connection; of what `listeners()` returned the address it is bound to. */
function endsOf(given: Record<string, unknown>): { local: unknown; remote: unknown } {
  if (given['protocol'] !== undefined) {
    if (given['protocol'] !== 'tcp') {
      throw invalidArgValue(
        'socket.protocol',
        "must be 'tcp': the kernel destroys no others",
        given['protocol'],
      );
    }
    return { local: check.object(given['address'], 'socket.address'), remote: undefined };
  }
  check.noOthers(given, ['localAddress', 'remoteAddress', 'interface', 'cookie'], 'socket');
  const expected = 'an address of IPv4 or IPv6, as in { family, address, port }';
  const local = check.object(given['localAddress'], 'socket.localAddress', expected);
  check.oneOf(local['family'], 'socket.localAddress.family', ['IPv4', 'IPv6']);
  if (given['remoteAddress'] === undefined) return { local, remote: undefined };
  const remote = check.object(given['remoteAddress'], 'socket.remoteAddress', expected);
  if (remote['family'] !== local['family']) {
    throw invalidArgValue('socket.remoteAddress.family', 'must be that of localAddress', remote['family']);
  }
  return { local, remote };
}

/** '' if there is none. */
function cookieIn(given: Record<string, unknown>): string {
  if (given['cookie'] === undefined) return '';
  const cookie = check.string(given['cookie'], 'socket.cookie');
  if (/^[0-9a-f]{1,16}$/.test(cookie)) return cookie;
  throw invalidArgValue(
    'socket.cookie',
    'must be what listeners() gave, or SO_COOKIE as hexadecimal',
    cookie,
  );
}
