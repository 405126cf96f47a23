'use strict';
// A WebSocket server (ws) that echoes, on an http.Server whose connections are accepted on a thread of their own.
//
//   node examples/websocket-server.js [port] [host] [most]
//
// At most so many connections are open (1000); whoever comes then gets a 503, by that thread.

const http = require('node:http');
const { WebSocketServer } = require('ws');
const { attach } = require('listenq/server');

const [port = '4481', host = '127.0.0.1', most = '1000'] = process.argv.slice(2);
const FULL = 'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

const server = http.createServer((request, response) => response.writeHead(426).end());
const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket) => {
  socket.on('error', (error) => console.error(error.message));
  socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }));
});

// An upgraded connection counts until it is closed.
attach(
  server,
  { port: Number(port), host, backlog: 1024 },
  { maxConnections: Number(most), overload: Buffer.from(FULL) },
);

server.on('listening', () => console.log(`listening on ${host} port ${server.address().port}`));
process.once('SIGTERM', () => {
  for (const socket of sockets.clients) socket.close(1001);
  server.close(() => console.log('closed'));
});
