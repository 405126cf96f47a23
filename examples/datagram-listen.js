'use strict';
// A datagram socket has no connections, so nothing to queue: listen(2) refuses. It receives without.
//
//   node examples/datagram-listen.js [port] [address]           and then: echo ohai | nc -u -w1 127.0.0.1 4481

const sys = require('listenq/syscalls');

const [port = '4481', address = '127.0.0.1'] = process.argv.slice(2);

const fd = sys.socket(sys.AF_INET, sys.SOCK_DGRAM | sys.SOCK_CLOEXEC);
sys.bind(fd, { family: 'IPv4', address, port: Number(port) });
try {
  sys.listen(fd, 5);
} catch (error) {
  console.log(`listen on a datagram socket: ${error.code}`);
}

const bound = sys.getsockname(fd);
console.log(`receiving on ${bound.address} port ${bound.port}`);
const datagram = Buffer.alloc(65536);
console.log(`without it: ${datagram.toString('utf8', 0, sys.recv(fd, datagram)).trim()}`); // blocks until one comes
sys.close(fd);
