'use strict';
// Counts how many clients a listener lets in while nobody accepts.
//
//   node examples/count-admitted.js 1 5                 compares listen(1) with listen(5)
//   node examples/count-admitted.js 127.0.0.1:4481      measures the listener of another program, which must not accept

const { listen } = require('listenq');
const sys = require('listenq/syscalls');

const PATIENCE_MS = 200;
/** How many in a row may get no answer before the queue counts as full. */
const LOSERS = 3;
const MOST = 1000;

/** Begins to connect; tells whether the connection is there within PATIENCE_MS. */
function isAdmitted(fd, address, port) {
  try {
    sys.connect(fd, { family: 'IPv4', address, port });
  } catch (error) {
    if (error.code !== 'EINPROGRESS') throw error;
  }
  if (sys.poll([{ fd, events: sys.POLLOUT }], PATIENCE_MS).length === 0) return false; // no answer at all
  const errno = sys.getsockoptInt(fd, sys.SOL_SOCKET, sys.SO_ERROR);
  if (errno !== 0) throw new Error(`connect to ${address} port ${port}: errno ${errno}`);
  return true;
}

/** Connects one client after another (at the same time, one more may slip in) until some get no answer. */
function countAdmitted(address, port) {
  const fds = [];
  let admitted = 0;
  try {
    for (let lost = 0; lost < LOSERS && fds.length < MOST;) {
      const fd = sys.socket(sys.AF_INET, sys.SOCK_STREAM | sys.SOCK_CLOEXEC | sys.SOCK_NONBLOCK);
      fds.push(fd);
      if (isAdmitted(fd, address, port)) admitted++;
      else lost++;
    }
    return admitted;
  } finally {
    for (const fd of fds) sys.close(fd);
  }
}

function measureOwn(backlog) {
  const listener = listen({ host: '127.0.0.1', backlog });
  try {
    const admitted = countAdmitted('127.0.0.1', listener.address().port);
    console.log(`listen(${backlog}): the kernel's limit is ${listener.queue().limit}, ${admitted} let in`);
  } finally {
    listener.close();
  }
}

const given = process.argv.length > 2 ? process.argv.slice(2) : ['1', '5'];
for (const argument of given) {
  const [address, port] = argument.split(':');
  if (port === undefined) measureOwn(Number(argument));
  else console.log(`${argument}: ${countAdmitted(address, Number(port))} let in`);
}
