import { Connection, listen, sendDescriptor } from 'listenq';
import * as c from 'listenq/syscalls';
import { startPython, type Peer } from '../support/python';

/** What Python programs of these tests begin with: `channel`, connected to this process. */
const PRELUDE = `
import os, socket, sys, time
channel = socket.socket(socket.AF_UNIX)
channel.settimeout(20)
channel.connect('\\0' + sys.argv[1])
`;

let count = 0;

/** Starts a Python peer, and gives this end of a Unix-domain connection with it. */
export function pythonAt(program: string): { channel: Connection; peer: Peer } {
  const name = `listenq-handover-${process.pid}-${count++}`;
  const listener = listen({ path: `\0${name}` });
  const peer = startPython(PRELUDE + program, name);
  try {
    return { channel: listener.accept({ timeoutMs: 20_000 }), peer };
  } finally {
    listener.close();
  }
}

/** Both ends of a Unix-domain connection in this process. */
export function channelPair(type: number = c.SOCK_STREAM): [Connection, Connection] {
  const [a, b] = c.socketpair(c.AF_UNIX, type | c.SOCK_CLOEXEC);
  return [Connection.from(a), Connection.from(b)];
}

/** Sends a descriptor that nobody will ask for, over and over, until the channel has no room. */
export function fill(channel: Connection): void {
  for (;;) {
    try {
      sendDescriptor(channel, 0, { timeoutMs: 0 });
    } catch (error) {
      if ((error as { code?: string }).code === 'ETIMEDOUT') return;
      throw error;
    }
  }
}
