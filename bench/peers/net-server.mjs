import net from 'node:net';
import { options, serveAt } from './lib/peer.mjs';

const handle = options.answers ? (socket) => socket.end('x') : (socket) => socket.destroy();
const server = net.createServer((socket) => {
  socket.on('error', () => undefined); // a client that resets is no reason to end
  handle(socket);
});
server.listen({ port: 0, host: '127.0.0.1', backlog: options.backlog }, () => serveAt(server.address().port));
