'use strict';
// The same calls without waiting: each does what it can at once, or says that it would have to wait.
//
//   node examples/non-blocking-client.js [port] [address]       of a server that says something after a while

const sys = require('listenq/syscalls');

const [port = '9999', address = '127.0.0.1'] = process.argv.slice(2);
const PATIENCE_MS = 10_000;

/** Waits in poll(2), as select would, for one event of one socket. */
function waitFor(fd, events) {
  if (sys.poll([{ fd, events }], PATIENCE_MS).length === 0) throw new Error('nothing happened');
}

function outcome(call) {
  try {
    return call();
  } catch (error) {
    return error.code;
  }
}

const fd = sys.socket(sys.AF_INET, sys.SOCK_STREAM | sys.SOCK_CLOEXEC);
const data = Buffer.alloc(100);

// A socket blocks unless told otherwise, and can be told so at any time.
console.log(`non-blocking: ${sys.getNonblocking(fd)}`);
sys.setNonblocking(fd, true);
console.log(`non-blocking: ${sys.getNonblocking(fd)}`);

// connect() only begins. Writable means that it has ended, and SO_ERROR how.
console.log(
  `connect: ${outcome(() => sys.connect(fd, { family: 'IPv4', address, port: Number(port) })) ?? 'done'}`,
);
waitFor(fd, sys.POLLOUT);
console.log(`writable: SO_ERROR is ${sys.getsockoptInt(fd, sys.SOL_SOCKET, sys.SO_ERROR)}`);

// Nothing has come yet. That is no failure, and has its own code.
console.log(`recv: ${outcome(() => sys.recv(fd, data))}`);
sys.send(fd, Buffer.from('well?\n'));
waitFor(fd, sys.POLLIN);
console.log(`readable: ${data.toString('utf8', 0, sys.recv(fd, data)).trim()}`);

// Back to blocking. Asking first is of use here too: recv() will not wait, as something is there.
sys.setNonblocking(fd, false);
sys.send(fd, Buffer.from('and now?\n'));
waitFor(fd, sys.POLLIN);
console.log(`readable, blocking: ${data.toString('utf8', 0, sys.recv(fd, data)).trim()}`);
sys.close(fd);
