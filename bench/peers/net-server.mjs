import { createServer } from 'node:net';
import { serveNet } from './lib/net.mjs';

serveNet(createServer);
