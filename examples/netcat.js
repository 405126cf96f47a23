'use strict';
// A small test client: standard input goes to the server, what the server says to standard output.
//
//   echo ohai | node examples/netcat.js [host] [port]

const fs = require('node:fs');
const { connect } = require('listenq');
const { poll, POLLIN } = require('listenq/syscalls');

const [host = 'localhost', port = '4481'] = process.argv.slice(2);
const [STDIN, STDOUT] = [0, 1];

const connection = connect({ host, port: Number(port), timeoutMs: 10_000 });
const room = Buffer.alloc(65536);

/** Passes on what was typed; at its end tells the server that no more will come, and goes on listening. */
function fromStdin() {
  const length = fs.readSync(STDIN, room);
  if (length === 0) connection.shutdown('write');
  else connection.sendAll(room.subarray(0, length));
  return length > 0;
}

/** Passes on what the server said; false when it has said all. */
function fromServer() {
  const data = connection.recv(room);
  fs.writeSync(STDOUT, data);
  return data.length > 0;
}

// Both at once: whichever has something. A descriptor of -1 is one that poll(2) passes over.
const [typed, said] = [
  { fd: STDIN, events: POLLIN },
  { fd: connection.fd, events: POLLIN },
];
while (said.fd >= 0) {
  const ready = poll([typed, said], 1000);
  if (ready.includes(typed) && !fromStdin()) typed.fd = -1;
  if (ready.includes(said) && !fromServer()) said.fd = -1;
}
connection.close();
