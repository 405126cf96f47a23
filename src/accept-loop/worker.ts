/**
 * The thread of an accept loop: blocking style, poll(2) and accept4(2) in the addon, a slice at a time.
 *
 * It knows the loop and its listeners by their tokens, and keeps nothing of its own: what it has accepted belongs to the
 * loop as soon as it is delivered, and before that to the acceptor, which closes it when this thread ends.
 */
import type { BlockList } from 'node:net';
import { workerData } from 'node:worker_threads';
import { native } from '../native/load';
import { CEILING_MS } from '../socket/blocking';
import { peerAddress } from '../socket/names';

export interface AcceptThreadData {
  handoff: string;
  listeners: string[];
  blockList: BlockList | undefined;
}

const { handoff, listeners, blockList } = workerData as AcceptThreadData;
const acceptor = new native.Acceptor(handoff, ...listeners);
if (blockList === undefined) while (acceptor.run(CEILING_MS));
else while (runWith(blockList));

/** As `acceptor.run`, once, with a look at who came. */
function runWith(list: BlockList): boolean {
  const count = acceptor.gather(CEILING_MS);
  if (count > 0) {
    blockThose(count, list);
    acceptor.deliver();
  }
  return count >= 0;
}

function blockThose(count: number, list: BlockList): void {
  acceptor.leavePeers(count);
  for (let index = 0; index < count; index++) {
    const peer = peerAddress(index);
    if (peer.family === 'unix') continue;
    if (list.check(peer.address, peer.family === 'IPv6' ? 'ipv6' : 'ipv4')) acceptor.block(index);
  }
}
