import http from 'node:http';
import { answer } from './lib/answer-http.mjs';
import { options, serveAt } from './lib/peer.mjs';

const server = http.createServer(answer);
server.listen({ port: 0, host: '127.0.0.1', backlog: options.backlog }, () => serveAt(server.address().port));
