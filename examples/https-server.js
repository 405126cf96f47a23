'use strict';
// An HTTPS server whose connections are accepted on a thread of their own, also while this one is busy with handshakes.
//
//   node examples/https-server.js key.pem cert.pem [port] [host]
//   curl --cacert cert.pem https://127.0.0.1:4481/
//
// A certificate to try it with:
//   openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
//     -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout key.pem -out cert.pem

const fs = require('node:fs');
const https = require('node:https');
const { attach } = require('listenq/server');

const [key, cert, port = '4481', host = '127.0.0.1'] = process.argv.slice(2);

if (cert === undefined)
  throw new Error('usage: node examples/https-server.js key.pem cert.pem [port] [host]');

const options = { key: fs.readFileSync(key), cert: fs.readFileSync(cert) };
const server = https.createServer(options, (request, response) => {
  response.end(`served by ${request.socket.getProtocol()}\n`);
});

// The client speaks first: with deferAcceptSeconds a connection is accepted when its handshake's first bytes are there.
attach(server, { port: Number(port), host, backlog: 1024, deferAcceptSeconds: 5 });

server.on('listening', () => console.log(`listening on ${host} port ${server.address().port}`));
server.on('tlsClientError', (error) => console.error(error.message));
process.once('SIGTERM', () => server.close(() => console.log('closed')));
