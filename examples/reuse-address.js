'use strict';
// A server that closes a connection first leaves the port in TIME_WAIT for a minute. Who may bind it meanwhile?
//
//   node examples/reuse-address.js      and then connect, three times, to the port that it says: nc 127.0.0.1 <port>

const { listen } = require('listenq');

const host = '127.0.0.1';

/** Serves one client and closes first; gives the port, on which the connection is now in TIME_WAIT. */
function leaveTimeWait(reuseAddress) {
  const listener = listen({ host, reuseAddress });
  const { port } = listener.address();
  console.log(`listening on ${host} port ${port}`);
  const connection = listener.accept();
  connection.shutdown('write'); // our end goes first …
  while (connection.recv(1024).length > 0); // … and then the client's
  connection.close();
  listener.close();
  return port;
}

function outcome(port, reuseAddress) {
  try {
    listen({ host, port, reuseAddress }).close();
    return 'ok';
  } catch (error) {
    return error.code;
  }
}

// The option has to be on the old listener too: its connections carry it into TIME_WAIT.
for (const [before, after] of [
  [false, false],
  [false, true],
  [true, true],
]) {
  const port = leaveTimeWait(before);
  console.log(`SO_REUSEADDR ${before} before, ${after} after: ${outcome(port, after)}`);
}
