import type { ListeningSocket } from 'listenq/kernel';
import { fullness } from '../fullness';

/** How full each listener was at the last samples. */
export class History {
  readonly #byInode = new Map<number, (number | undefined)[]>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  add(sockets: readonly ListeningSocket[]): void {
    const present = new Set(sockets.map(({ inode }) => inode));
    for (const inode of this.#byInode.keys()) if (!present.has(inode)) this.#byInode.delete(inode);
    for (const socket of sockets) {
      const shares = this.#byInode.get(socket.inode) ?? [];
      shares.push(fullness(socket));
      if (shares.length > this.#most) shares.shift();
      this.#byInode.set(socket.inode, shares);
    }
  }

  /** The last `count` of one listener, the newest at the end. */
  of(inode: number, count: number): readonly (number | undefined)[] {
    return this.#byInode.get(inode)?.slice(-count) ?? [];
  }
}
