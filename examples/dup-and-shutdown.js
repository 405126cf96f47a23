'use strict';
// Two descriptors of one connection: close() ends one of them, shutdown() ends the connection under both.
//
//   node examples/dup-and-shutdown.js [port] [host]     and then: nc 127.0.0.1 4481

const { listen } = require('listenq');

const [port = '4481', host = '127.0.0.1'] = process.argv.slice(2);

const listener = listen({ port: Number(port), host, backlog: 128 });
console.log(`listening on ${listener.address().address} port ${listener.address().port}`);

const connection = listener.accept();
const copy = connection.dup();
console.log(`descriptors ${connection.fd} and ${copy.fd}, one connection`);

connection.close();
copy.sendAll('one copy was closed, and here I am\n'); // the client has not seen an end

const another = copy.dup();
another.shutdown('both'); // now it has: this is about the connection, not about the descriptor
try {
  copy.sendAll('anybody?');
} catch (error) {
  console.log(`sending on the other copy: ${error.code}`);
}
console.log(`receiving on the other copy: ${copy.recv(100).length} bytes`);

// Each descriptor is still there, and has to be closed.
for (const one of [copy, another]) one.close();
listener.close();
