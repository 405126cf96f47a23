'use strict';
// Tells each client the time of day, and closes.
//
//   node examples/time-server.js [port] [host]          and then: nc <host> 9999

const os = require('node:os');
const { listen } = require('listenq');

// This machine's own name: reachable at whatever address the name stands for. 127.0.0.1 would be this machine alone.
const [port = '9999', host = os.hostname()] = process.argv.slice(2);

// While one client is served, others wait in the kernel's queue. 5 is what listen(2) gets; six fit (see queue.js).
const listener = listen({ port: Number(port), host, backlog: 5 });
const bound = listener.address();
console.log(`listening on ${bound.address} port ${bound.port}`);

// Each turn takes the oldest connection out of the queue, and waits if there is none.
for (const connection of listener) {
  const peer = connection.remoteAddress;
  console.log(`a connection from ${peer.address} port ${peer.port}`);
  try {
    connection.sendAll(`${new Date().toString()}\r\n`);
  } catch (error) {
    console.error(error.message); // this client is gone; the next one is not to blame
  } finally {
    connection.close(); // the client reads end of stream
  }
}
