import { acceptLoop } from '../../dist/index.js';
import { options, serveAt } from './lib/peer.mjs';

const loop = acceptLoop({ host: '127.0.0.1', backlog: options.backlog });
loop.on('connection', (connection) => {
  if (options.answers) connection.send('x');
  connection.close();
});
serveAt(loop.listeners[0].address().port);
