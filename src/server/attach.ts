import type * as net from 'node:net';
import type { AcceptLoop } from '../accept-loop/accept-loop';
import type { AcceptLoopOptions } from '../accept-loop/options';
import * as c from '../constants';
import { invalidArgType, invalidArgValue, listenerClosed, serverListens } from '../errors';
import { native } from '../native/load';
import { listen, OPTION_NAMES, type ListenOptions } from '../socket/listen';
import { Listener, markLent, withDescriptor } from '../socket/listener';
import { isServer } from '../socket/server-descriptor';
import * as check from '../validate';
import { askedLoop } from './asked-loop';
import { DEFAULT_BACKLOG } from './backlog';
import { ListeningSide, type Listen } from './listening-side';

/** Where to listen: as for net.Server's `listen()`, or as for the `listen()` of this package. */
export type AttachOptions = net.ListenOptions | ListenOptions;

/** Of `server.listen()`. */
const NODE_NAMES = [
  ...['port', 'host', 'path', 'fd', 'backlog', 'reusePort', 'ipv6Only'],
  ...['exclusive', 'readableAll', 'writableAll', 'signal', 'handle'],
];
/** The first Node whose net.Server knows reusePort: elsewhere it would be passed over in silence. */
const REUSE_PORT_SINCE = [22, 12] as const;

/**
 * Has a server of net, http, https, http2 or tls listen, as `server.listen(where)`, with the listening side of this package:
 * the exact backlog, and an accept loop on a worker thread. All else is as before, and the server's own: `listening`,
 * `address()`, `close()`, its events, its errors and when they are thrown or emitted, its timeouts, keep-alive, upgrades and
 * handshakes. It stays attached: after `close()`, its own `listen()` listens in the same way.
 *
 * @param where options of net.Server's `listen()`, or of this package's, of which those that Node has not are set too; or
 *   a Listener, which the server takes over, with its queue and its backlog. The default backlog is 511, as in Node
 * @param loopOptions those of `acceptLoop`. Its events 'shortage', 'pressure' and 'relief' are the server's too; when its
 *   signal is aborted the server is closed
 * @returns the server
 * @throws ERR_SERVER_ALREADY_LISTEN; ERR_LISTENER_CLOSED; TypeError and RangeError. What the kernel refuses is emitted:
 *   'error'
 */
export function attach<S extends net.Server>(
  server: S,
  where: AttachOptions | Listener,
  loopOptions: AcceptLoopOptions = {},
): S {
  if (!isServer(server)) throw invalidArgType('server', 'a net.Server', server);
  const asked = askedLoop(check.object(loopOptions, 'loopOptions'), 'loopOptions');
  const listens = listeningFunction(server, where);
  if (server.listening) throw serverListens('attach');
  sideOf(server).asked = asked;
  listens();
  return server;
}

/** The loop that accepts for a server of this package, or one that was attached, while it listens: for its counts, to pause
 * it, to change the backlog. undefined without one, as with `acceptLoop: false`. */
export function acceptLoopOf(server: net.Server): AcceptLoop | undefined {
  if (!isServer(server)) throw invalidArgType('server', 'a net.Server', server);
  return ListeningSide.find(server)?.loop;
}

/** The server's side; a server that had none listens with it from now on, whoever calls `listen()`. */
function sideOf(server: net.Server): ListeningSide {
  const known = ListeningSide.find(server);
  if (known !== undefined) return known;
  const side = ListeningSide.of(server);
  const own = Reflect.get(server, 'listen') as Listen;
  const value = (...args: unknown[]): net.Server => {
    side.listen(own, args);
    return server;
  };
  Object.defineProperty(server, 'listen', { value, writable: true, configurable: true });
  return side;
}

function listeningFunction(server: net.Server, where: unknown): () => void {
  if (where instanceof Listener) {
    if (where.closed) throw listenerClosed('attach');
    if (where.getOption(c.SOL_SOCKET, c.SO_TYPE) !== c.SOCK_STREAM) throw notOfStreams('where', where);
    return () => refusedLater(server, () => adopt(server, where));
  }
  const given = check.object(where, 'where', 'options of listen, or a Listener');
  check.noOthers(given, [...NODE_NAMES, ...OPTION_NAMES], 'where');
  if (given['seqpacket'] === true) throw notOfStreams('where.seqpacket', true);
  const unknownToNode = nodeCannot(given);
  if (unknownToNode === undefined) return () => server.listen(given);
  const misfit = NODE_NAMES.find((name) => given[name] !== undefined && !OPTION_NAMES.includes(name));
  if (misfit === undefined) return () => refusedLater(server, () => listenAndAdopt(server, given));
  const reason = `cannot go with where.${unknownToNode}, which this Node's listen() does not know`;
  throw invalidArgValue(`where.${misfit}`, reason, given[misfit]);
}

/** An option for which Node's own `listen()` will not do, if there is one. */
function nodeCannot(given: Record<string, unknown>): string | undefined {
  if (given['reusePort'] === true && !knowsReusePort()) return 'reusePort';
  return Object.keys(given).find((name) => given[name] !== undefined && !NODE_NAMES.includes(name));
}

function knowsReusePort(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > REUSE_PORT_SINCE[0] || (major === REUSE_PORT_SINCE[0] && minor >= REUSE_PORT_SINCE[1]);
}

function notOfStreams(name: string, value: unknown): Error {
  return invalidArgValue(name, 'must be of streams: net.Server knows no SOCK_SEQPACKET', value);
}

/** Has what the kernel or the resolver refuses emitted, as by server.listen; what the arguments have wrong is thrown. */
function refusedLater(server: net.Server, call: () => void): void {
  try {
    call();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    process.nextTick(() => server.emit('error', error));
  }
}

function listenAndAdopt(server: net.Server, options: ListenOptions): void {
  const asked = options.backlog !== undefined;
  const listener = listen(asked ? options : { ...options, backlog: DEFAULT_BACKLOG, warnIfCapped: false });
  try {
    adopt(server, listener);
  } finally {
    if (!server.listening) listener.close();
  }
}

/** Without server.listen(), which in a worker of node:cluster would ask the primary for its own descriptor of this number. */
function adopt(server: net.Server, listener: Listener): void {
  // The server's socket can be sent to other processes without the listener's hearing of it.
  markLent(listener);
  const address = listener.address();
  const copy = withDescriptor(listener, 'attach', (fd) => native.dupOwned(fd));
  native.disown(copy);
  ListeningSide.of(server).adopt(listener, copy, address.family === 'unix' ? address.path : undefined);
}
