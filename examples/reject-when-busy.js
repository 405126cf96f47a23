'use strict';
// Serves one client at a time and turns others away. Backlog 0 doesn't do that: it lets one wait, and leaves the rest
// without an answer. To say no, accept and reset.
//
//   node examples/reject-when-busy.js [port] [host]     and then, twice: nc 127.0.0.1 4481

const { listen } = require('listenq');
const { poll, POLLIN } = require('listenq/syscalls');

const [port = '4481', host = '127.0.0.1'] = process.argv.slice(2);

/** Answers a client line by line until it ends, and resets everybody who comes meanwhile. */
function serve(client, listener) {
  for (;;) {
    const entries = [client, listener].map((socket) => ({ fd: socket.fd, events: POLLIN, socket }));
    for (const { socket } of poll(entries, 1000)) {
      if (socket === listener) {
        listener.tryAccept()?.reset(); // it gets ECONNRESET
        console.log('busy: turned one away');
        continue;
      }
      const request = client.recv(1024);
      if (request.length === 0) return;
      client.sendAll(`served: ${request}`);
    }
  }
}

const listener = listen({ port: Number(port), host, backlog: 128 });
console.log(`listening on ${listener.address().address} port ${listener.address().port}`);
for (const client of listener) {
  console.log('serving');
  try {
    client.sendAll('welcome\n');
    serve(client, listener);
  } catch (error) {
    console.error(error.message);
  } finally {
    client.close();
    console.log('free');
  }
}
