import { options, serveAt } from './lib/peer.mjs';

const server = globalThis.Bun.listen({
  hostname: '127.0.0.1',
  port: 0,
  backlog: options.backlog,
  socket: {
    open(socket) {
      if (options.answers) socket.write('x');
      socket.end();
    },
    data() {}, // Bun wants one
  },
});
serveAt(server.port);
