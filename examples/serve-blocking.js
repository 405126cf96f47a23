'use strict';
// Blocking servers on a few threads: each serves one client at a time, the other clients wait in the kernel's queue.
//
//   node examples/serve-blocking.js <echo|print|time> [port] [host] [threads]

const path = require('node:path');
const { serveBlocking } = require('listenq');

const [name = 'echo', port = '9999', host = '127.0.0.1', threads = '2'] = process.argv.slice(2);

const server = serveBlocking({
  listen: { port: Number(port), host, backlog: 5 },
  handler: path.join(__dirname, 'handlers', `${name}.js`),
  threads: Number(threads),
});
server.on('error', (error) => console.error(error.message)); // of one connection: the server goes on
const { address, port: bound } = server.address();
console.log(`listening on ${address} port ${bound}`);

// Who has connected is still served; whoever comes later finds the port closed.
process.once('SIGTERM', async () => {
  const { interrupted } = await server.close({ drain: true, timeoutMs: 1000 });
  console.log(`closed, ${interrupted} cut off`);
});
