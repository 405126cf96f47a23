import { listeners, type ListeningSocket } from 'listenq/kernel';

/** A listener may be inherited while its first owner goes, and the inode stays. */
const STALE_MS = 60_000;

/**
 * Who has each listener open. That takes a walk through /proc, which costs more than all the rest of a sample: it is
 * made when a listener appears, and once a minute.
 */
export class Owners {
  readonly #byInode = new Map<number, Pick<ListeningSocket, 'processes' | 'why'>>();
  #readAt = -Infinity;

  /** The same listeners, with their processes. */
  addTo(sockets: readonly ListeningSocket[]): ListeningSocket[] {
    const now = performance.now();
    if (now - this.#readAt > STALE_MS || sockets.some(({ inode }) => !this.#byInode.has(inode))) {
      this.#readAt = now;
      this.#read(sockets);
    }
    return sockets.map((socket) => {
      const known = this.#byInode.get(socket.inode);
      return { ...socket, processes: known?.processes, why: { ...known?.why, ...socket.why } };
    });
  }

  #read(sockets: readonly ListeningSocket[]): void {
    this.#byInode.clear();
    // One that has gone meanwhile would otherwise be looked for in each sample.
    for (const { inode } of sockets) this.#byInode.set(inode, { processes: undefined, why: {} });
    for (const { inode, processes, why } of listeners()) this.#byInode.set(inode, { processes, why });
  }
}
