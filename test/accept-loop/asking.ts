import { once } from 'node:events';
import * as net from 'node:net';
import * as path from 'node:path';
import { ROOT } from '../support/machine';

/** Modules that serve, by name. */
export function handlerAt(name: string): string {
  return path.join(ROOT, 'test', 'accept-loop', 'handlers', name);
}

/** A client of handlers/answers.cjs. */
export interface Client {
  socket: net.Socket;
  /** Resolves when the handler has got what was asked for. */
  served: Promise<void>;
  /** All that the server said after that, or the code of the error. */
  answer: Promise<string>;
}

/** Connects, and asks for `word` once it is this client's turn. */
export function ask(port: number, word: string): Client {
  const socket = net.connect(port, '127.0.0.1').setEncoding('utf8');
  let text = '';
  const served = once(socket, 'data').then(() => void socket.write(word));
  served.catch(() => undefined);
  socket.on('data', (chunk: string) => (text += chunk));
  const answer = new Promise<string>((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => (text = `?${error.code}`));
    socket.on('close', () => resolve(text.slice(1)));
  });
  return { socket, served, answer };
}
