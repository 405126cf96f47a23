'use strict';
// An HTTP server whose connections are accepted on a thread of their own: also while a request keeps the event loop busy.
// Whoever waits longer than two seconds is told so, by that thread. SIGTERM ends it without losing a client.
//
//   node examples/http-accept-loop.js [port] [host]     and then: curl http://127.0.0.1:4481/
//   curl 'http://127.0.0.1:4481/busy?ms=5000' keeps the event loop busy; meanwhile, others get 503

const http = require('node:http');
const { acceptLoop } = require('listenq');

const [port = '4481', host = '127.0.0.1'] = process.argv.slice(2);

const BUSY = 'busy, try again in a moment\n';
const answer = [
  'HTTP/1.1 503 Service Unavailable',
  'Content-Type: text/plain',
  `Content-Length: ${BUSY.length}`,
  'Retry-After: 1',
  'Connection: close',
  '',
  BUSY,
].join('\r\n');

/** What no server should do, and all do at times. */
function compute(ms) {
  const end = Date.now() + ms;
  while (Date.now() < end);
}

const server = http.createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  if (pathname === '/busy') compute(Number(searchParams.get('ms') ?? 1000));
  response.setHeader('Connection', 'close');
  response.end(pathname === '/stats' ? JSON.stringify(loop.stats()) : 'served\n');
});

const loop = acceptLoop(
  { port: Number(port), host, backlog: 511 },
  { overload: Buffer.from(answer), maxWaitMs: 2000 },
);
// TCP_NODELAY is what an http.Server sets on the connections that it accepts itself.
loop.on('connection', (connection) => server.emit('connection', connection.toSocket({ noDelay: true })));
loop.on('shortage', (error) => console.error(error.message));
console.log(`listening on ${host} port ${loop.listeners[0].address().port}`);

process.once('SIGTERM', () => {
  void loop.close({ drain: true }).then(({ untaken }) => console.log(`drained, ${untaken} left`));
});
