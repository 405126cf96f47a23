'use strict';
// Ending one direction of a connection. Serves three clients: the first ends its side; with the second we end reading,
// with the third both, one after the other.
//
//   node examples/half-close.js [port] [host]           and then: echo ohai | nc -N 127.0.0.1 4481

const { listen } = require('listenq');
const { poll } = require('listenq/syscalls');

const [port = '4481', host = '127.0.0.1'] = process.argv.slice(2);

/** The client sends a request of any length and ends its side: the request is complete, the reply still gets there. */
function answerWholeRequest(connection) {
  const request = Buffer.concat([...connection]);
  console.log(`the whole request: ${request.length} bytes`);
  connection.sendAll(`got ${request.length} bytes\n`);
  connection.shutdown('write'); // the client reads end of stream
  connection.close();
}

/** Receives until something comes, or the connection fails; at end of stream too, as more can come after it here. */
function receiveLate(connection) {
  for (let tries = 0; tries < 100; tries++) {
    try {
      const late = connection.recv(100);
      if (late.length > 0) return late.toString('utf8');
    } catch (error) {
      return error.code;
    }
    poll([], 100); // a pause
  }
  return 'nothing';
}

/** Reading alone: recv waits no more. The peer is told nothing, as TCP has no word for it, and may go on sending. */
function endReading(connection) {
  connection.shutdown('read');
  console.log(`after shutdown('read') recv gives ${connection.recv(100).length} bytes, and does not wait`);
  // On Linux what it sends even comes in.
  console.log(`what it sent later: ${receiveLate(connection)}`);
  connection.sendAll('we can still write\n');
  connection.close();
}

/** Writing, and then reading too. */
function endBothSides(connection) {
  connection.shutdown('write');
  const early = connection.recv(100);
  connection.shutdown('read');
  console.log(`after shutdown('write') we still read: ${early}`);
  // Both directions are done, for this end: whoever still sends is answered with a reset.
  console.log(`after both, what it sent later: ${receiveLate(connection)}`);
  // A shutdown ends directions; the descriptor is there until it is closed.
  connection.close();
}

const listener = listen({ port: Number(port), host });
console.log(`listening on ${listener.address().address} port ${listener.address().port}`);
answerWholeRequest(listener.accept());
endReading(listener.accept());
endBothSides(listener.accept());
listener.close();
