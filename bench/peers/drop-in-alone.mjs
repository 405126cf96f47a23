import { createServer } from '../../dist/server.js';
import { serveNet } from './lib/net.mjs';

serveNet((listener) => createServer({ acceptLoop: false }, listener));
