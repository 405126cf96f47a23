'use strict';
// The life of a server socket, one system call after another: create, bind, listen, accept, close.
//
//   node examples/lifecycle.js [port] [address]         and then: echo ohai | nc 127.0.0.1 4481

const sys = require('listenq/syscalls');

const [port = '4481', address = '0.0.0.0'] = process.argv.slice(2);

// Create: a descriptor, with no address yet.
const server = sys.socket(sys.AF_INET, sys.SOCK_STREAM | sys.SOCK_CLOEXEC);

// Bind: the address is plain data; bind(2) gets it packed. Nobody can connect yet: the answer would be ECONNREFUSED.
sys.bind(server, { family: 'IPv4', address, port: Number(port) });

// Listen: from here on the kernel completes handshakes and queues them, whether or not anybody accepts.
sys.listen(server, 128);
const bound = sys.getsockname(server);
console.log(`listening on ${bound.address} port ${bound.port}`);

// Accept: blocks until a connection is there. It has a descriptor of its own; the server's stays as it is.
const { fd: connection, address: peer } = sys.accept(server, sys.SOCK_CLOEXEC);
console.log(`server is descriptor ${server}, connection is descriptor ${connection}`);
console.log(`accepted ${peer.address} port ${peer.port}`);

const data = Buffer.alloc(1024);
const count = sys.recv(connection, data);
console.log(`it said: ${data.toString('utf8', 0, count).trim()}`);

// Close: the connection ends for the client; then the listener, after which the port refuses.
sys.close(connection);
sys.close(server);
console.log('closed');
