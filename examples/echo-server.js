'use strict';
// Sends back what it gets, one client after another.
//
//   node examples/echo-server.js [port] [host]          NODE_DEBUG=echo shows each message

const { debuglog } = require('node:util');
const { listen } = require('listenq');

const debug = debuglog('echo');
const [port = '9999', host = 'localhost'] = process.argv.slice(2);

/** Echoes until the peer ends its side, and then ends ours. */
function echo(connection) {
  const { address, port: peerPort } = connection.remoteAddress;
  for (;;) {
    const data = connection.recv(1024);
    if (data.length === 0) break; // end of stream; a quiet peer would make recv wait instead
    debug('%d bytes from %s port %d', data.length, address, peerPort);
    connection.sendAll(data);
  }
  debug('nothing more from %s port %d', address, peerPort);
  connection.shutdown('write');
}

// No backlog given: the kernel's own limit, net.core.somaxconn.
const listener = listen({ port: Number(port), host });
try {
  const bound = listener.address();
  console.log(`listening on ${bound.address} port ${bound.port}`);
  for (const connection of listener) {
    try {
      echo(connection);
    } catch (error) {
      console.error(error.message);
    } finally {
      connection.close();
    }
  }
} finally {
  listener.close();
}
