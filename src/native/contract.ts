import type { SystemCallError } from '../errors';

/**
 * The addon's exports, as TypeScript sees them. Arguments have been checked by the time they come here; the addon
 * checks again only what memory safety needs. A refused system call throws what `makeError` of `setup` returns.
 */
export interface Native {
  /** Hands over what the addon needs from JavaScript: how an error is made, and this thread's number. */
  setup(makeError: (errno: number, syscall: string, meaning: string) => Error, threadId: number): void;

  readonly constants: Readonly<Record<string, number>>;
  /** Where accept calls leave their descriptors and the peers, which take 132 bytes each: a length, the address. */
  readonly acceptedFds: Int32Array;
  readonly acceptedPeers: Uint8Array;

  socket(domain: number, type: number, protocol: number): number;
  socketpair(domain: number, type: number, protocol: number): [number, number];
  bind(fd: number, address: Uint8Array): void;
  listen(fd: number, backlog: number): void;
  /** The descriptor; the peer is left in the first place of `acceptedPeers`. */
  accept(fd: number, flags: number): number;
  connect(fd: number, address: Uint8Array): void;
  /** These two leave the address there too. */
  getsockname(fd: number): void;
  getpeername(fd: number): void;
  /** Fills `value`; returns how many bytes the kernel wrote. */
  getsockopt(fd: number, level: number, name: number, value: Uint8Array): number;
  getsockoptInt(fd: number, level: number, name: number): number;
  setsockopt(fd: number, level: number, name: number, value: number | Uint8Array): void;
  recv(fd: number, buffer: Uint8Array, flags: number): number;
  send(fd: number, bytes: Uint8Array, flags: number): number;
  shutdown(fd: number, how: number): void;
  close(fd: number): void;
  dup(fd: number): number;
  /** `entries` holds fd, events and revents of each in turn; the last is filled in. */
  poll(entries: Int32Array, timeoutMs: number): number;
  getNonblocking(fd: number): boolean;
  setNonblocking(fd: number, on: boolean): void;
  setCloexec(fd: number): void;
  getrlimit(resource: number): { soft: number; hard: number };
  setrlimit(resource: number, soft: number, hard: number): void;

  /** undefined if `text` is no numeric address of the family. */
  packInternet(family: number, text: string, port: number, scopeId: number): Uint8Array | undefined;
  /** undefined if the name is too long. */
  packUnix(name: Uint8Array): Uint8Array | undefined;
  /** Family, text, port, scope id. */
  unpack(address: Uint8Array): [number, string, number, number];

  /** Makes a socket that this environment owns: what is left when the environment ends is closed then. */
  openSocket(domain: number, type: number, protocol: number): number;
  dupOwned(fd: number): number;
  /** Takes a descriptor over; false if it is a connection or listener of this process already. */
  adopt(fd: number): boolean;
  /** Whether it is a connection or listener of this process. */
  owned(fd: number): boolean;
  disown(fd: number): boolean;
  closeOwned(fd: number): void;
  /** True once in the life of the process. */
  firstLeak(): boolean;

  /** Bytes moved, 0 at end of stream, -1 if `sliceMs` passed or the thread was interrupted. */
  recvWithin(fd: number, buffer: Uint8Array, flags: number, sliceMs: number): number;
  sendWithin(fd: number, bytes: Uint8Array, flags: number, sliceMs: number): number;
  connectedWithin(fd: number, sliceMs: number): boolean;
  /** False if `sliceMs` passed or the thread was interrupted. */
  sendDescriptorWithin(channel: number, fd: number, sliceMs: number): boolean;
  /** How many descriptors came, -1 not yet, -2 at end of stream. A single one is left in `acceptedFds` and owned by
   * this environment, several are closed. */
  receiveDescriptorWithin(channel: number, sliceMs: number): number;
  takeInterrupt(): boolean;
  interruptThread(threadId: number): boolean;

  readonly Resolution: new (host: string, port: number, passive: boolean) => Resolution;
  readonly ListenerCopy: new (fdOrToken: number | string) => ListenerCopy;
  /** -1 stands for a limit that is not set. `action` is the place of the overload's name in ACTIONS (src/accept-loop/options.ts). */
  readonly Handoff: new (
    highWaterMark: number,
    maxWaitMs: number,
    maxWaiting: number,
    maxConnections: number,
    action: number,
    answer: Uint8Array,
    onReady: () => void,
  ) => Handoff;
  /** In milliseconds, of the connection that `Handoff.take` gave last. */
  readonly takenWait: Float64Array;
  readonly Acceptor: new (handoffToken: string, ...listenerTokens: string[]) => Acceptor;

  readSysctl(name: string): number | undefined;
  /** Leaves length and limit in `queueWords`, and drops behind them, if it returns true. */
  readQueue(fd: number): boolean;
  readonly queueWords: Uint32Array;
  /** Milliseconds since a connection's handshake was completed; -1 where the kernel does not tell. */
  timeSinceHandshake(fd: number): number;

  /** Those at `port`, or all if it is 0; with `synLength` also how many half-open connections each has. The numbers
   * stand as in src/kernel/diagnosed.ts; `names` are addresses, of AF_UNIX paths. */
  inetListeners(port: number, synLength: boolean): [words: Uint32Array, names: string[]];
  unixListeners(): [words: Uint32Array, names: string[]];
  interfaceName(index: number): string | undefined;
  /** undefined if this thread's network namespace has no such listener of TCP. */
  synLength(fd: number): number | undefined;
  /** `hidden`: how many processes could not be looked into. */
  socketOwners(
    inodes: Int32Array,
  ): [rows: [inode: number, pid: number, fd: number, name: string][], hidden: number];
  /** `remote` is empty for a listener, `interface` and `cookie` are '' where any will do. */
  destroySocket(local: Uint8Array, remote: Uint8Array, device: string, cookie: string): void;

  enterPrivateNetwork(): void;
  bringUpLoopback(): void;
  observeListen(): void;
  /** Thread, descriptor and backlog of each call since the last take. */
  takeListenCalls(): [number, number, number][];
}

/** What getaddrinfo(3) answered: addresses, or its EAI_* number and, of EAI_SYSTEM, the errno. */
export interface ResolutionAnswer {
  addresses: Uint8Array[];
  eai: number;
  errno: number;
}

/** A question to getaddrinfo(3), which runs on a thread of its own. */
export interface Resolution {
  within(sliceMs: number): ResolutionAnswer | undefined;
  close(): void;
}

/** 0: the accepting thread has ended because of the error; 1: a shortage; 2: connections were refused, or SYNs dropped. */
export type News = [kind: 0 | 1, error: SystemCallError] | [kind: 2];

/** What an accept loop's thread and the one that takes its connections share; this is the taker's side. */
export interface Handoff {
  token(): string;
  /** The oldest connection's descriptor, owned by this environment from now on, its peer the first in `acceptedPeers`, its
   * wait in `takenWait`; -1 if none waits, and then `onReady` is called for the next; -2 if there is news. `wanting`: how
   * many callers wait for a connection, this one included. */
  take(wanting: number): number;
  want(wanting: number): void;
  news(): News | undefined;
  /** Makes the next loss news: once. */
  hearOfLosses(): void;
  pause(on: boolean): void;
  stop(drain: boolean): void;
  /** Has `onReady` called once more in this turn of the event loop, after what this call leaves behind it: ticks,
   * promises. */
  again(): void;
  /** Blocks until the accepting thread has let go of the listeners, for so long at most: false then. */
  waitUntilLeft(timeoutMs: number): boolean;
  /** A connection that was handed over was closed. */
  closed(): void;
  /** Closes what waits; how many that were. The event loop is let go. */
  end(): number;
  ref(): void;
  unref(): void;
  /** accepted, delivered, waiting, open; refused by maxWaitMs, maxWaiting, maxConnections, blockList; failed,
   * shortages, longest wait in milliseconds, longest kernel queue, drops. */
  stats(): number[];
}

/** The accepting thread's side. */
export interface Acceptor {
  /** Gathers and delivers, over and over, for so long; false once the thread is to end. */
  run(sliceMs: number): boolean;
  /** Waits for connections and accepts them: how many came, -1 once the thread is to end. */
  gather(sliceMs: number): number;
  /** Leaves the peers of those that came in `acceptedPeers`. */
  leavePeers(count: number): void;
  /** Closes one of those that came instead of delivering it. */
  block(index: number): void;
  deliver(): void;
}

/** This thread's copy of a listening descriptor. Its calls give -1 once the listener is closed, by any thread. */
export interface ListenerCopy {
  /** How many connections came, left in `acceptedFds` and owned by this environment; -1 once closed. */
  acceptWithin(most: number, sliceMs: number): number;
  /** Borrows the number until `leave()`, during which no thread closes it; -1 once closed. */
  enter(): number;
  leave(): void;
  /** The number, and that the socket may be another process's from now on. */
  lend(): number;
  token(): string;
  ownPath(path: string): void;
  /** The socket file stays when the listener is closed. */
  leavePath(): void;
  /** Lets no new client in; false if the socket may be another process's too. */
  stopAdmitting(): boolean;
  closed(): boolean;
  /** Ends the listener in every thread. */
  close(): void;
  /** Ends this copy alone. */
  release(): void;
  detach(): number;
  /** Connections that accept(2) reported as failed on their own, and that were passed over. */
  failed(): number;
}
