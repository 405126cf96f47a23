'use strict';
// A connection that nobody refers to any more is closed by the collector. Late, or never: call close().
//
//   node --expose-gc examples/forgotten-socket.js [port] [host]         and then: nc 127.0.0.1 4481

const { listen } = require('listenq');
const { getsockname } = require('listenq/syscalls');

const [port = '4481', host = '127.0.0.1'] = process.argv.slice(2);

process.on('warning', ({ message }) => console.log(`warning: ${message}`));

function acceptAndForget(listener) {
  const connection = listener.accept();
  connection.sendAll('I shall forget you\n');
  return connection.fd; // the number, not the object
}

function isOpen(fd) {
  try {
    getsockname(fd);
    return true;
  } catch (error) {
    if (error.code === 'EBADF') return false;
    throw error;
  }
}

const listener = listen({ port: Number(port), host });
console.log(`listening on ${listener.address().address} port ${listener.address().port}`);
const fd = acceptAndForget(listener);
console.log(`forgotten: descriptor ${fd} is ${isOpen(fd) ? 'open' : 'closed'}`);

// The client waits all this time. The collector runs when memory is short, not when descriptors are.
const timer = setInterval(() => {
  globalThis.gc?.();
  if (isOpen(fd)) return;
  console.log(`collected: descriptor ${fd} is closed`);
  clearInterval(timer);
  listener.close();
}, 50);
