'use strict';
// A whole server in one call: a listener for IPv4 and one for IPv6 on the same port, and an accept loop over both.
//
//   node examples/tcp-server-loop.js [port]             and then: nc -4 localhost 4481, nc -6 ::1 4481

const { listenDualStack } = require('listenq');
const { acceptEach } = require('./accept-loop');

/** Serves a port of all addresses of both families; each family has a queue of its own. */
function tcpServerLoop(port, handle) {
  const listeners = listenDualStack({ port });
  try {
    for (const listener of listeners) {
      const { address, port: chosen } = listener.address();
      console.log(`listening on ${address} port ${chosen}`);
    }
    acceptEach(handle, listeners);
  } finally {
    for (const listener of listeners) listener.close();
  }
}

const [port = '4481'] = process.argv.slice(2);

tcpServerLoop(Number(port), (connection) => {
  try {
    const { family, address } = connection.remoteAddress;
    connection.sendAll(`hello over ${family}, ${address}\n`);
  } catch (error) {
    console.error(error.message);
  } finally {
    connection.close();
  }
});
