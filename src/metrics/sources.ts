import * as fs from 'node:fs';
import type * as net from 'node:net';
import { AcceptLoop } from '../accept-loop/accept-loop';
import { formatAddress, invalidArgType, listenerClosed, loopClosed } from '../errors';
import { acceptLoopOf } from '../server/attach';
import { Listener, withDescriptor } from '../socket/listener';
import { localName } from '../socket/names';
import { internalsOf } from '../socket/node-internals';
import { descriptorOfServer, isServer } from '../socket/server-descriptor';

/** What can be watched. */
export type MetricsSource = Listener | net.Server | AcceptLoop;

/** A queue of a source, under its name. */
export interface SourceQueue {
  listener: string;
  of: Listener | net.Server;
  /** By which the socket diagnostics know it. */
  inode: number;
}

/** A source, as it was when it was added. */
export interface Source {
  /** Of its loop, or its only queue: as given, or its address. */
  name: string;
  queues: readonly SourceQueue[];
  loop: AcceptLoop | undefined;
  /** What is watched by it, itself included. */
  parts: readonly object[];
  closed: () => boolean;
}

/** @throws TypeError; ERR_LISTENER_CLOSED, ERR_SERVER_NOT_RUNNING, ERR_SERVER_NO_DESCRIPTOR */
export function sourceOf(source: unknown, name: string | undefined): Source {
  if (source instanceof Listener) return ofListener(source, name);
  if (source instanceof AcceptLoop) return ofLoop(source, name);
  if (isServer(source)) return ofServer(source, name);
  throw invalidArgType('source', 'a Listener, a net.Server or an AcceptLoop', source);
}

function ofListener(listener: Listener, name: string | undefined): Source {
  const queue = withDescriptor(listener, 'add', (fd) => queueAt(fd, listener, name));
  return {
    ...{ name: queue.listener, queues: [queue], loop: undefined, parts: [listener] },
    closed: () => listener.closed,
  };
}

/** Of several listeners each has a name of its own, its address in it. */
function ofLoop(loop: AcceptLoop, name: string | undefined): Source {
  if (loop.closed) throw loopClosed('add');
  const open = loop.listeners.filter((listener) => !listener.closed);
  if (open.length === 0) throw listenerClosed('add');
  const addresses = open.map((listener) => formatAddress(listener.address()));
  const whole = name ?? addresses.join(', ');
  const names =
    open.length === 1 ? [whole] : distinct(addresses.map((one) => (name ? `${name} ${one}` : one)));
  const queues = open.map((listener, i) =>
    withDescriptor(listener, 'add', (fd) => queueAt(fd, listener, names[i])),
  );
  return { name: whole, queues, loop, parts: [loop, ...open], closed: () => loop.closed };
}

/** Numbers those that share a port by SO_REUSEPORT. */
function distinct(names: readonly string[]): string[] {
  return names.map((name, i) => {
    const before = names.slice(0, i).filter((other) => other === name).length;
    return before === 0 ? name : `${name} #${before + 1}`;
  });
}

function ofServer(server: net.Server, name: string | undefined): Source {
  const queue = queueAt(descriptorOfServer(server, 'add'), server, name);
  const loop = acceptLoopOf(server);
  const handle = internalsOf(server)._handle;
  return {
    ...{ name: queue.listener, queues: [queue], loop },
    parts: [server, ...(loop === undefined ? [] : [loop, ...loop.listeners])],
    // One that listens again has another address, perhaps, and another loop.
    closed: () => internalsOf(server)._handle !== handle,
  };
}

function queueAt(fd: number, of: Listener | net.Server, name: string | undefined): SourceQueue {
  return { listener: name ?? formatAddress(localName(fd)), of, inode: fs.fstatSync(fd).ino };
}
