import { channel, type Channel } from 'node:diagnostics_channel';
import type { AcceptLoop } from './accept-loop/accept-loop';
import type { AcceptLoopStats } from './accept-loop/stats';
import type { Address } from './address';
import type { SystemCallError } from './errors';
import type { Connection } from './socket/connection';
import type { Listener } from './socket/listener';

/** 'listenq.listen': listen(2) was called. Of a server of `listenq/server`, the Listener is its own. */
export interface ListenMessage {
  source: Listener;
  /** As it reached listen(2). */
  backlog: number;
}

/** 'listenq.accept': a connection was handed to the program. */
export interface AcceptMessage {
  source: Listener | AcceptLoop;
  fd: number;
  remoteAddress: Address;
  /** undefined of a server of `listenq/server`, which makes a net.Socket of the descriptor. */
  connection: Connection | undefined;
  /** From the end of the handshake, as far as the kernel tells; undefined of a Listener, whose connection tells by `queuedMs()`. */
  waitedMs: number | undefined;
}

/** 'listenq.refuse': an accept loop refused connections, as `overload` says, or as `blockList` does. */
export interface RefuseMessage {
  source: AcceptLoop;
  /** The option by which. */
  cause: keyof AcceptLoopStats['refused'];
  /** How many since the last message of this cause. */
  count: number;
}

/** 'listenq.shortage': accept(2) met EMFILE, ENFILE, ENOBUFS or ENOMEM. What is queued stays queued. */
export interface ShortageMessage {
  source: Listener | AcceptLoop;
  error: SystemCallError;
}

/** 'listenq.overflow': a listener has dropped SYNs. */
export interface OverflowMessage {
  /** An accept loop, or what a `watchQueue()` watches. */
  source: object;
  /** How many SYNs since it was looked at last. A client sends several. */
  drops: number;
}

/** 'listenq.close': this thread closed a Listener, or a loop has ended. */
export interface CloseMessage {
  source: Listener | AcceptLoop;
  /** Where it listened, of a Listener. */
  address: Address | undefined;
}

const named = <Message>(name: string): Channel<unknown, Message> => channel(`listenq.${name}`) as never;

/**
 * What others may subscribe to, by node:diagnostics_channel, in the thread in which it happens. A message is made only
 * where `hasSubscribers` says that somebody does.
 */
export const channels = {
  listen: named<ListenMessage>('listen'),
  accept: named<AcceptMessage>('accept'),
  refuse: named<RefuseMessage>('refuse'),
  shortage: named<ShortageMessage>('shortage'),
  overflow: named<OverflowMessage>('overflow'),
  close: named<CloseMessage>('close'),
} as const;
