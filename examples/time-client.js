'use strict';
// Asks a time server for the time: one connection, one exchange, and that was it.
//
//   node examples/time-client.js [port] [host]

const os = require('node:os');
const { connect } = require('listenq');

const [port = '9999', host = os.hostname()] = process.argv.slice(2);

const connection = connect({ port: Number(port), host, timeoutMs: 10_000 });
try {
  // The server says that it is done by closing. A recv() may give less than was sent, so ask until it gives nothing.
  const chunks = [...connection];
  console.log(`the time there is ${Buffer.concat(chunks).toString('ascii').trim()}`);
} finally {
  connection.close();
}
