'use strict';
// A thread for each connection, in which plain blocking code holds nobody up.
//
//   node examples/thread-per-connection.js [port] [host]

const fs = require('node:fs');
const { Worker, isMainThread, threadId, workerData } = require('node:worker_threads');
const { Connection, listen } = require('listenq');
const { close } = require('listenq/syscalls');

/** In the thread: makes a Connection of the descriptor again, and owns it. */
function serve(fd) {
  const connection = Connection.from(fd);
  try {
    connection.sendAll(`this is thread ${threadId}\n`);
    for (const data of connection) connection.sendAll(data);
  } finally {
    connection.close();
  }
  fs.writeSync(1, `thread ${threadId} is done\n`); // console.log would go through the main thread
}

async function main() {
  const [port = '9999', host = '127.0.0.1'] = process.argv.slice(2);
  const listener = listen({ port: Number(port), host });
  console.log(`listening on ${listener.address().address} port ${listener.address().port}`);
  for (;;) {
    for (const connection of listener.acceptMany(16, { timeoutMs: 100 })) {
      const fd = connection.detach(); // a number can be posted, an object cannot
      try {
        new Worker(__filename, { workerData: fd }).on('error', (error) => console.error(error.message));
      } catch (error) {
        close(fd);
        console.error(error.message);
      }
    }
    await new Promise(setImmediate); // lets Node clear away threads that have ended
  }
}

if (isMainThread) main();
else serve(workerData);
