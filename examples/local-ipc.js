'use strict';
// Between processes of one machine: a Unix-domain socket, with a backlog like any other. No ports, no TCP below it, and
// the file's permissions say who may connect. `seqpacket` keeps the boundaries of messages, over a connection.
//
//   node examples/local-ipc.js [path] [stream | seqpacket]

const os = require('node:os');
const path = require('node:path');
const { listen } = require('listenq');

const [place = path.join(os.tmpdir(), 'listenq-example.sock'), type = 'stream'] = process.argv.slice(2);

const listener = listen({ path: place, seqpacket: type === 'seqpacket', mode: 0o600, backlog: 5 });
console.log(`listening on ${listener.address().path}, limit ${listener.queue().limit}`);

for (const connection of listener) {
  try {
    // A stream may bring two sends in one chunk; seqpacket never does.
    for (const message of connection) {
      console.log(`got ${message.length} bytes`);
      connection.sendAll(message);
    }
  } catch (error) {
    console.error(error.message);
  } finally {
    connection.close();
  }
}
