'use strict';
// An HTTP server that a newer one replaces without losing a client. Start it, and start it again while it runs: the old one
// sends its listening socket over, with the clients that wait in it, finishes what it has begun, and ends.
//
//   node examples/restart.js [port] [path of a Unix-domain socket]     and then: curl http://127.0.0.1:4481/

const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const { join } = require('node:path');
const { acceptLoop, connect, listen, receiveDescriptor, sendDescriptor } = require('listenq');
const { attach } = require('listenq/server');

// A folder that is this user's alone: whoever can make the path decides what a new process receives.
const folder = process.env.XDG_RUNTIME_DIR ?? os.homedir();
const [port = '4481', path = join(folder, 'listenq-restart')] = process.argv.slice(2);

const server = http.createServer((request, response) => {
  // Clients that keep their connection go to the new process with their next request.
  if (!server.listening) response.setHeader('Connection', 'close');
  response.end(`served by ${process.pid}\n`);
});

/** The process that serves now, if there is one. */
function findOld() {
  try {
    return connect({ path });
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') return undefined;
    throw error;
  }
}

const old = findOld();
const listener =
  old === undefined
    ? listen({ port: Number(port), host: '127.0.0.1', backlog: 511 })
    : listen({ fd: receiveDescriptor(old, { timeoutMs: 5000 }) });
attach(server, listener);
console.log(`listening on 127.0.0.1 port ${server.address().port}${old === undefined ? '' : ', taken over'}`);

// Whoever connects there is given the socket: nobody but this user may.
if (fs.lstatSync(path, { throwIfNoEntry: false })?.isSocket()) fs.unlinkSync(path);
const control = acceptLoop({ path, mode: 0o600 });
control.on('connection', (connection) => {
  // Both accept until the new one says that it does; should it fail before, this one just goes on.
  const notReplaced = (error) => console.error(`not replaced: ${error.message}`);
  try {
    sendDescriptor(connection, server, { timeoutMs: 1000 });
  } catch (error) {
    connection.close();
    return notReplaced(error);
  }
  const next = connection.toSocket().on('error', notReplaced);
  next.once('data', () => {
    next.end();
    void control.close();
    // Those that are idle now may have a request under way: they are not cut off, but told with its answer.
    server.closeIdleConnections = () => undefined;
    server.close(() => console.log('replaced'));
  });
});
old?.sendAll('serving');
old?.close();
