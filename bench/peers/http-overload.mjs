import http from 'node:http';
import { attach } from '../../dist/server.js';
import { answer, BUSY } from './lib/answer-http.mjs';
import { options, serveAt } from './lib/peer.mjs';

const server = http.createServer(answer);
server.once('listening', () => serveAt(server.address().port));
attach(server, { port: 0, host: '127.0.0.1', backlog: options.backlog }, { overload: BUSY, maxWaitMs: 250 });
