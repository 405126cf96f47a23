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
 *   socket in it (any more), EOPNOTSUPP if the kernel is built without INET_DIAG_DESTROY, or for MPTCP; TypeError for
 *   a Unix-domain socket, which the kernel cannot destroy
 */
export function destroySocket(socket: ListeningSocket | SocketToDestroy): void {
  const { local, remote, device, cookie } = parts(check.object(socket, 'socket'));
  if (local['family'] === 'unix') {
    throw invalidArgValue('socket', 'must be a TCP socket: the kernel destroys no Unix-domain ones', socket);
  }
  const packed = packAddress(local, 'socket.localAddress');
  const peer = remote === undefined ? new Uint8Array() : packAddress(remote, 'socket.remoteAddress');
  naming(local as unknown as InternetAddress, () => {
    native.destroySocket(packed, peer, device, cookie);
  });
}

interface Parts {
  local: Record<string, unknown>;
  remote: unknown;
  device: string;
  cookie: string;
}

function parts(given: Record<string, unknown>): Parts {
  const listening = given['protocol'] !== undefined;
  const local = check.object(
    given[listening ? 'address' : 'localAddress'],
    listening ? 'socket.address' : 'socket.localAddress',
    'an address, as in { family, address, port }',
  );
  const cookie = given['cookie'] === undefined ? '' : check.string(given['cookie'], 'socket.cookie');
  if (!/^[0-9a-f]{0,16}$/.test(cookie)) {
    throw invalidArgValue(
      'socket.cookie',
      'must be what listeners() gave, or SO_COOKIE as hexadecimal',
      cookie,
    );
  }
  return {
    local,
    remote: given['remoteAddress'],
    device: given['interface'] === undefined ? '' : check.text(given['interface'], 'socket.interface'),
    cookie,
  };
}
