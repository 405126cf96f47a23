'use strict';
// A listening socket that another program made, and handed over when it started this one.
//
//   node examples/adopted-listener.js <descriptor>      such as 3

const { listen } = require('listenq');

const [descriptor = '3'] = process.argv.slice(2);

// Without a backlog here, listen(2) is not called again: the queue stays as it was made, and as full as it is.
const listener = listen({ fd: Number(descriptor) });
const { length, limit } = listener.queue();
console.log(
  `adopted ${listener.address().address} port ${listener.address().port}: limit ${limit}, ${length} waiting`,
);

const connection = listener.accept();
connection.sendAll('from its new owner\n');
connection.close();
listener.close();
