// What net.Server and those in its place do, given the function that makes one.
import { options, serveAt } from './peer.mjs';

const handle = options.answers ? (socket) => socket.end('x') : (socket) => socket.destroy();

export function serveNet(createServer) {
  const server = createServer((socket) => {
    socket.on('error', () => undefined); // a client that resets is no reason to end
    handle(socket);
  });
  const where = { port: 0, host: '127.0.0.1', backlog: options.backlog };
  server.listen(where, () => serveAt(server.address().port));
}
