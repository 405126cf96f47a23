'use strict';
// A process for each connection: the child inherits the descriptor, and the parent closes its own.
//
//   node examples/process-per-connection.js [port] [host] [program argument …]
//
// With a program, it gets the connection as its standard input and output, so that any filter is a server:
//   node examples/process-per-connection.js 9999 127.0.0.1 rev

const { spawn } = require('node:child_process');
const { Connection, listen } = require('listenq');
const { close } = require('listenq/syscalls');

/** Where the child finds the connection: after standard input, output and error. */
const INHERITED = 3;

function serve() {
  const connection = Connection.from(INHERITED);
  try {
    connection.sendAll(`this is process ${process.pid}\n`);
    for (const data of connection) connection.sendAll(data);
  } finally {
    connection.close();
  }
}

/** Starts a child with the connection, and lets go of it here: as long as one copy is open, the client sees no end. */
function startChild(connection, [program, ...args]) {
  const fd = connection.detach();
  try {
    const child =
      program === undefined
        ? spawn(process.execPath, [__filename, '--child'], { stdio: ['ignore', 'inherit', 'inherit', fd] })
        : spawn(program, args, { stdio: [fd, fd, 'inherit'] });
    child.on('error', (error) => console.error(error.message));
    child.on('exit', (code) => console.log(`process ${child.pid} ended with ${code}`));
  } finally {
    close(fd); // spawn has copied it by now
  }
}

async function main() {
  const [port = '9999', host = '127.0.0.1', ...command] = process.argv.slice(2);
  const listener = listen({ port: Number(port), host });
  console.log(`listening on ${listener.address().address} port ${listener.address().port}`);
  for (;;) {
    for (const connection of listener.acceptMany(16, { timeoutMs: 100 })) startChild(connection, command);
    await new Promise(setImmediate); // lets Node hear of children that have ended
  }
}

if (process.argv[2] === '--child') serve();
else main();
