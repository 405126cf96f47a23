'use strict';
// An HTTP/2 server whose connections are accepted on a thread of their own: h2c, or with a certificate TLS, where clients
// that speak only HTTP/1.1 are served too.
//
//   node examples/http2-server.js [port] [host]         and then: curl --http2-prior-knowledge http://127.0.0.1:4481/
//   node examples/http2-server.js [port] [host] key.pem cert.pem

const fs = require('node:fs');
const http2 = require('node:http2');
const { attach } = require('listenq/server');

const [port = '4481', host = '127.0.0.1', key, cert] = process.argv.slice(2);

function serve(request, response) {
  response.end(`served by HTTP/${request.httpVersion}\n`);
}

function createSecureServer() {
  const options = { key: fs.readFileSync(key), cert: fs.readFileSync(cert), allowHTTP1: true };
  return http2.createSecureServer(options, serve);
}

const server = key === undefined ? http2.createServer(serve) : createSecureServer();
const sessions = new Set();
server.on('session', (session) => {
  sessions.add(session);
  session.once('close', () => sessions.delete(session));
});

attach(server, { port: Number(port), host, backlog: 1024 });

server.on('listening', () => console.log(`listening on ${host} port ${server.address().port}`));
process.once('SIGTERM', () => {
  server.close(() => console.log('closed'));
  // Its streams end first.
  for (const session of sessions) session.close();
});
