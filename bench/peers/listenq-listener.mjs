// No loop: what the others have besides one. Only the memory row measures it.
import { listen } from '../../dist/index.js';
import { options, serveAt } from './lib/peer.mjs';

const listener = listen({ host: '127.0.0.1', backlog: options.backlog });
serveAt(listener.address().port);
