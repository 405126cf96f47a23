import type * as net from 'node:net';
import type { Connection } from 'listenq';
import { counted } from '../words';
import type { Served } from './service';

/** How long the time of day waits for a client to end its side, before the rest of it is cut off. */
const LINGER_MS = 1000;

/** Sends back what comes, as fast as the client takes it, until the client has ended its side. */
export function echo(connection: Connection): Served {
  const socket = connection.toSocket({ allowHalfOpen: true });
  socket.pipe(socket);
  return served(socket, () => `echoed ${counted(socket.bytesWritten, 'byte')}`);
}

/** Sends the time of day, and ends. */
export function daytime(connection: Connection): Served {
  const socket = connection.toSocket({ allowHalfOpen: true });
  socket.end(`${new Date().toString()}\r\n`);
  // What the client says is read and thrown away: closed with it unread, the client would get a reset, and not the time.
  socket.resume();
  const late = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(late));
  return served(socket, () => 'told the time');
}

function served(socket: net.Socket, outcome: () => string): Served {
  const ended = new Promise<string>((resolve) => {
    let failure: NodeJS.ErrnoException | undefined;
    socket.once('error', (error) => (failure = error));
    socket.once('close', () =>
      resolve(failure === undefined ? outcome() : `${outcome()}, ${failure.code ?? failure.message}`),
    );
  });
  return { ended, cut: () => socket.destroy() };
}
