// A cluster worker: its server's socket is the primary's.
import * as net from 'node:net';
import { queueOf } from 'listenq/kernel';

const server = net.createServer().listen({ host: '127.0.0.1', port: 0 }, () => {
  try {
    process.send?.({ code: 'none', message: JSON.stringify(queueOf(server)) });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    process.send?.({ code, message });
  }
});
