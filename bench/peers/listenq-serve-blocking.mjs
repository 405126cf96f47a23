import { serveBlocking } from '../../dist/index.js';
import { options, serveAt } from './lib/peer.mjs';

const server = serveBlocking({
  listen: { host: '127.0.0.1', backlog: options.backlog },
  handler: new URL(options.answers ? './lib/answer.cjs' : './lib/close.cjs', import.meta.url),
  threads: 1,
});
serveAt(server.listener.address().port);
