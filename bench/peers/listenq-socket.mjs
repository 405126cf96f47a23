import { acceptLoop } from '../../dist/index.js';
import { options, serveAt } from './lib/peer.mjs';

const handle = options.answers ? (socket) => socket.end('x') : (socket) => socket.destroy();
const loop = acceptLoop({ host: '127.0.0.1', backlog: options.backlog });
loop.on('connection', (connection) => {
  const socket = connection.toSocket();
  socket.on('error', () => undefined); // a client that resets is no reason to end
  handle(socket);
});
serveAt(loop.listeners[0].address().port);
