import type { Address } from '../address';
import { channels } from '../channels';
import { isShortage } from '../errors';
import type { Connection } from './connection';
import type { Listener } from './listener';
import { peerAddress } from './names';

/** What a Listener publishes. Each costs one look at a property where nobody subscribes. */

export function reportListen(source: Listener, backlog: number): void {
  if (channels.listen.hasSubscribers) channels.listen.publish({ source, backlog });
}

/** Of the connection that the last call left at `index`. */
export function reportAccepted(source: Listener, connection: Connection, index: number): void {
  if (!channels.accept.hasSubscribers) return;
  const { fd } = connection;
  const remoteAddress = peerAddress(index);
  channels.accept.publish({ source, fd, remoteAddress, connection, waitedMs: undefined });
}

/** If it is one. */
export function reportShortage(source: Listener, error: unknown): void {
  if (channels.shortage.hasSubscribers && isShortage(error)) channels.shortage.publish({ source, error });
}

/** Closes it, and says where it was. */
export function reportClose(source: Listener, close: () => void): void {
  const address = channels.close.hasSubscribers ? addressOf(source) : undefined;
  close();
  if (channels.close.hasSubscribers) channels.close.publish({ source, address });
}

function addressOf(listener: Listener): Address | undefined {
  try {
    return listener.address();
  } catch {
    // Another thread has closed it, perhaps at this moment.
    return undefined;
  }
}
