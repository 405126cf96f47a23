'use strict';
// The plainest server: a loop around accept, a loop around recv. Serves one client and ends.
//
//   node examples/blocking-loop-server.js [port]        and then: node examples/blocking-loop-client.js

const { listen } = require('listenq');

const [port = '9999'] = process.argv.slice(2);

// All IPv4 addresses of this machine. The kernel keeps backlog + 1 = 6 waiting, and drops the SYN of a seventh.
const listener = listen({ port: Number(port), host: '0.0.0.0', backlog: 5 });
console.log(listener); // descriptor, family, type, protocol, address
console.log(`listening on ${listener.address().address} port ${listener.address().port}`);

while (true) {
  const connection = listener.accept(); // blocks until somebody connects
  console.log('a connection:');
  console.log(connection); // another descriptor than the listener's
  console.log(`from ${connection.remoteAddress.address} port ${connection.remoteAddress.port}`);

  let received = connection.recv(100); // at most 100 bytes; blocks until there is one
  while (received.length > 0) {
    console.log(received);
    received = connection.recv(100);
  }
  console.log('the client has closed');

  connection.close();
  listener.close();
  break;
}
