import { isSystemError } from '../errors';
import { native } from '../native/load';
import type { ListeningSocket } from './listeners';

/** A process that holds a socket. */
export interface SocketProcess {
  pid: number;
  /** /proc/PID/comm. */
  name: string;
  /** The descriptor in that process. */
  fd: number;
}

const NOBODY =
  'no process that this /proc shows holds it: one of another pid namespace may, a hidden one (hidepid), or the kernel';

/** @internal Finds the processes of these sockets, by the descriptors that /proc shows; or says why it cannot. */
export function attachProcesses(sockets: readonly ListeningSocket[]): void {
  if (sockets.length === 0) return;
  const { owners, unseen } = ownersOf(sockets.map(({ inode }) => inode));
  for (const socket of sockets) {
    const found = owners?.get(socket.inode);
    socket.processes = found ?? (unseen === undefined ? [] : undefined);
    if (found === undefined) socket.why.processes = unseen ?? NOBODY;
  }
}

/** By inode; `unseen` is why one that is not among them may have an owner all the same. */
function ownersOf(inodes: readonly number[]): {
  owners?: Map<number, SocketProcess[]>;
  unseen: string | undefined;
} {
  try {
    const [rows, hidden] = native.socketOwners(Int32Array.from(inodes));
    const owners = new Map<number, SocketProcess[]>();
    for (const [inode, pid, fd, name] of rows) {
      const known = owners.get(inode);
      if (known === undefined) owners.set(inode, [{ pid, name, fd }]);
      else known.push({ pid, name, fd });
    }
    const some = `${hidden} ${hidden === 1 ? 'process' : 'processes'} of other users`;
    return { owners, unseen: hidden === 0 ? undefined : `this user may not look into ${some}` };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return { unseen: `/proc cannot be read: ${error.code}` };
  }
}
