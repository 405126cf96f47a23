'use strict';
// A server whose socket systemd made: it listens before this program runs, and goes on while it is started anew.
//
//   systemd-socket-activate -l 127.0.0.1:4481 --fdname=web node examples/socket-activation.js
//
// or, in units: web.socket with ListenStream=4481, Backlog=511, FileDescriptorName=web; and web.service with ExecStart=.
// Started by hand it listens by itself: node examples/socket-activation.js [port] [host]

const { listen, listenFds } = require('listenq');

const [port = '4481', host = '127.0.0.1'] = process.argv.slice(2);
const descriptors = listenFds();
const given = descriptors.find(({ name }) => name === 'web');
if (given === undefined && descriptors.length > 0) {
  throw new Error(`systemd gave ${descriptors.map(({ name }) => name).join(', ')}, and not 'web'`);
}

// Without a backlog here the queue stays as systemd made it, and as full as it is: who started this program waits in it.
const listener =
  given === undefined ? listen({ port: Number(port), host, backlog: 511 }) : listen({ fd: given.fd });
const { length, limit } = listener.queue();
console.log(`listening on ${listener.address().address} port ${listener.address().port}`);
console.log(`${given === undefined ? 'by itself' : 'from systemd'}: limit ${limit}, ${length} waiting`);

// toServer makes an ordinary net.Server of it, for which the backlog stays too.
const server = listener.toServer((socket) => socket.end('hello\n'));
process.once('SIGTERM', () => server.close());
