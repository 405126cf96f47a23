import type * as net from 'node:net';
import type { AcceptLoop } from '../accept-loop/accept-loop';
import type { AcceptLoopOptions } from '../accept-loop/options';
import * as c from '../constants';
import { invalidArgType, invalidArgValue, listenerClosed, serverListens } from '../errors';
import { native } from '../native/load';
import { listen, type ListenOptions } from '../socket/listen';
import { Listener, markLent, withDescriptor } from '../socket/listener';
import { copyAboveStdio } from '../socket/net-socket';
import { isServer } from '../socket/server-descriptor';
import * as check from '../validate';
import { askedLoop } from './asked-loop';
import { ListeningSide, type Listen } from './listening-side';
import { asNodeReads, checkWhere, notOfStreams, type AttachOptions } from './where';

/** Listeners that servers have taken over. */
const taken = new WeakSet<Listener>();

/**
 * Has a server of net, http, https, http2 or tls listen, as `server.listen(where)`, with the listening side of this package:
 * the exact backlog, and an accept loop on a worker thread. All else is as before, and the server's own: `listening`,
 * `address()`, `close()`, its events, its errors and when they are thrown or emitted, its timeouts, keep-alive, upgrades and
 * handshakes. It stays attached: its own `listen()` listens in the same way, after `close()`, or where `attach` was told of no
 * place.
 *
 * @param where options of net.Server's `listen()`, or of this package's, of which those that Node has not are set too; or
 *   a Listener, whose queue and backlog the server takes over, and which is closed with it. The default backlog is 511, as
 *   in Node. A socket that this package makes is this process's own, in a cluster too. Without it nothing listens yet:
 *   whoever calls `server.listen()`, such as a framework, has this side then
 * @param loopOptions those of `acceptLoop`. Its events 'shortage', 'pressure' and 'relief' are the server's too; when its
 *   signal is aborted the server is closed
 * @returns the server
 * @throws ERR_SERVER_ALREADY_LISTEN; ERR_LISTENER_CLOSED; TypeError and RangeError. What the kernel refuses is emitted:
 *   'error'
 */
export function attach<S extends net.Server>(
  server: S,
  where?: AttachOptions | Listener,
  loopOptions: AcceptLoopOptions = {},
): S {
  if (!isServer(server))
    throw invalidArgType('server', "one of Node's, as http.createServer(app) or app.server", server);
  const asked = askedLoop(check.object(loopOptions, 'loopOptions'), 'loopOptions');
  const listens = listeningFunction(server, where);
  if (server.listening) throw serverListens('attach');
  const side = sideOf(server);
  const before = side.asked;
  side.asked = asked;
  try {
    listens();
  } catch (error) {
    side.asked = before;
    throw error;
  }
  return server;
}

/** The loop that accepts for a server of this package, or one that was attached, from 'listening' until it is closed: for its
 * counts, to pause it, to change the backlog. undefined without one, as with `acceptLoop: false`. */
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
  if (where === undefined) return () => undefined;
  if (where instanceof Listener) {
    if (where.closed) throw listenerClosed('attach');
    if (taken.has(where)) throw invalidArgValue('where', 'belongs to a server already', where);
    if (where.getOption(c.SOL_SOCKET, c.SO_TYPE) !== c.SOCK_STREAM) throw notOfStreams('where', where);
    return () => refusedLater(server, () => adopt(server, where));
  }
  const { options, nodeKnows } = checkWhere(where);
  return nodeKnows
    ? () => server.listen(options)
    : () => refusedLater(server, () => listenAndAdopt(server, asNodeReads(options)));
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
  const listener = listen(options);
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
  const copy = withDescriptor(listener, 'attach', copyAboveStdio);
  native.disown(copy);
  taken.add(listener);
  ListeningSide.of(server).adopt(listener, copy, address.family === 'unix' ? address.path : undefined);
  if (!server.listening) taken.delete(listener);
}
