'use strict';
// The kernel completes handshakes by itself, and gives each connection the listener's options when it does.
//
//   node examples/inherited-options.js [port] [host]    and then: echo ohai | nc 127.0.0.1 4481, and Enter here

const fs = require('node:fs');
const { listen } = require('listenq');
const sys = require('listenq/syscalls');

const [port = '4481', host = '127.0.0.1'] = process.argv.slice(2);

const listener = listen({ port: Number(port), host, receiveBuffer: 65536 });
listener.setOption('SOL_SOCKET', 'SO_KEEPALIVE', true);
listener.setOption('IPPROTO_TCP', 'TCP_KEEPIDLE', 42);
listener.setOption('IPPROTO_TCP', 'TCP_NODELAY', true);
console.log(`listening on ${listener.address().address} port ${listener.address().port}`);

fs.readSync(0, Buffer.alloc(100)); // until Enter; accept(2) has not been called
console.log(`${listener.queue().length} waiting`);

// Too late for who waits already: this one is about later connections.
listener.setOption('IPPROTO_TCP', 'TCP_KEEPIDLE', 43);

// The bare system call, as flags would hide what is inherited.
const { fd } = sys.accept(listener.fd);
const data = Buffer.alloc(100);
console.log(`sent before anybody accepted: ${data.toString('utf8', 0, sys.recv(fd, data)).trim()}`);
for (const [level, name] of [
  ['SOL_SOCKET', 'SO_RCVBUF'],
  ['SOL_SOCKET', 'SO_KEEPALIVE'],
  ['IPPROTO_TCP', 'TCP_KEEPIDLE'],
  ['IPPROTO_TCP', 'TCP_NODELAY'],
]) {
  console.log(
    `${name}: ${listener.getOption(level, name)}, inherited ${sys.getsockoptInt(fd, sys[level], sys[name])}`,
  );
}
// What belongs to the descriptor, not to the socket, is not inherited.
console.log(`O_NONBLOCK: ${sys.getNonblocking(listener.fd)}, inherited ${sys.getNonblocking(fd)}`);

sys.close(fd);
listener.close();
