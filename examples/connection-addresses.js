'use strict';
// What a server can tell of a connection: class, descriptors, both addresses, kind of socket, state of TCP.
//
//   node examples/connection-addresses.js [port] [host]         and then: nc 127.0.0.1 4481

const { listen } = require('listenq');
const { SOL_SOCKET, SO_DOMAIN, SO_TYPE, SO_PROTOCOL } = require('listenq/syscalls');

const [port = '4481', host = '0.0.0.0'] = process.argv.slice(2);
const show = ({ family, address, port }) => `${family} ${address} port ${port}`;

const listener = listen({ port: Number(port), host, backlog: 128 });
const bound = listener.address();
console.log(`listening on ${bound.address} port ${bound.port}`);

const connection = listener.accept();

console.log(`classes: ${listener.constructor.name}, ${connection.constructor.name}`);
console.log(`descriptors: ${listener.fd}, ${connection.fd}`);

// Bound to all addresses, the listener has none in particular; the connection has the one that the client dialled.
console.log(`listener: ${show(listener.address())}`);
console.log(`local: ${show(connection.localAddress)}`);
// The client's port was picked by its kernel, and will be picked again for somebody else later.
console.log(`remote: ${show(connection.remoteAddress)}`);

const kind = [SO_DOMAIN, SO_TYPE, SO_PROTOCOL].map((name) => connection.getOption(SOL_SOCKET, name));
console.log(`domain, type, protocol: ${kind.join(', ')}`);

// Retransmission, congestion window and round-trip time are the kernel's business; it tells what it makes of them.
const { state, totalRetransmits, sendCwnd, rttUs } = connection.tcpInfo();
console.log(
  `TCP: ${state}, ${totalRetransmits} retransmitted, window of ${sendCwnd} segments, ${rttUs} us there and back`,
);

connection.close();
listener.close();
