import { listeners, type ListeningSocket } from 'listenq/kernel';

/** A listener may be inherited while its first owner goes, and the inode stays. */
const STALE_MS = 60_000;
/** Where listeners come and go, the walks would otherwise be as many as the samples. */
const REST_MS = 5000;
const NOT_YET = { processes: `not looked for yet: /proc is walked once in ${REST_MS / 1000} s at most` };

/**
 * Who has each listener open. That takes a walk through /proc, which costs more than all the rest of a sample: it is
 * made when a listener appears, though not again within 5 s, and once a minute.
 */
export class Owners {
  readonly #byInode = new Map<number, Pick<ListeningSocket, 'processes' | 'why'>>();
  #readAt = -Infinity;

  /** The same listeners, with their processes. */
  addTo(sockets: readonly ListeningSocket[]): ListeningSocket[] {
    const now = performance.now();
    const patience = sockets.some(({ inode }) => !this.#byInode.has(inode)) ? REST_MS : STALE_MS;
    if (now - this.#readAt > patience) {
      this.#readAt = now;
      this.#read(sockets);
    }
    return sockets.map((socket) => {
      const { processes, why = NOT_YET } = this.#byInode.get(socket.inode) ?? {};
      return { ...socket, processes, why: { ...why, ...socket.why } };
    });
  }

  #read(sockets: readonly ListeningSocket[]): void {
    this.#byInode.clear();
    // One that has gone meanwhile would otherwise be looked for in each sample.
    for (const { inode } of sockets) this.#byInode.set(inode, { processes: undefined, why: {} });
    for (const { inode, processes, why } of listeners()) this.#byInode.set(inode, { processes, why });
  }
}
