'use strict';
// An accept loop over any number of listeners in one thread.
//
//   node examples/accept-loop.js [port ...]             and then: nc 127.0.0.1 4481, nc 127.0.0.1 4482

const { listen } = require('listenq');
const { poll, POLLIN } = require('listenq/syscalls');

/** poll(2), of which a signal only means that there is nothing yet. */
function ready(entries, timeoutMs) {
  try {
    return poll(entries, timeoutMs);
  } catch (error) {
    if (error.code === 'EINTR') return [];
    throw error;
  }
}

/**
 * Calls `handle` with each connection, and the listener that it came to, of one listener, several, or lists of them.
 * Closes no connection: that is for `handle`. Ends when all listeners are closed.
 */
function acceptEach(handle, ...listeners) {
  const open = () => listeners.flat().filter((listener) => !listener.closed);
  for (let left = open(); left.length > 0; left = open()) {
    const entries = left.map((listener) => ({ fd: listener.fd, events: POLLIN, listener }));
    // Wakes once a second, so that listeners that another thread closed are noticed.
    for (const { listener } of ready(entries, 1000)) {
      if (listener.closed) continue; // by `handle`, a moment ago
      const connection = listener.tryAccept(); // null if another thread was faster
      if (connection !== null) handle(connection, listener);
    }
  }
}

module.exports = { acceptEach };

if (require.main === module) {
  const ports = process.argv.length > 2 ? process.argv.slice(2) : ['4481', '4482'];
  const listeners = ports.map((port) => listen({ port: Number(port), host: '127.0.0.1' }));
  for (const listener of listeners) {
    console.log(`listening on ${listener.address().address} port ${listener.address().port}`);
  }
  acceptEach((connection, listener) => {
    try {
      connection.sendAll(`this is port ${listener.address().port}\n`);
    } catch (error) {
      console.error(error.message);
    } finally {
      connection.close();
    }
  }, listeners);
}
