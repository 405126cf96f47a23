'use strict';
// Every connection is a descriptor, and a process may have so many. What happens at the limit, and how to raise it.
//
//   node examples/descriptor-limit.js [port] [host] [clients]       and then connect that many clients

const { listen } = require('listenq');
const { dup, close, poll, getrlimit, setrlimit, RLIMIT_NOFILE } = require('listenq/syscalls');

const [port = '4481', host = '127.0.0.1', clients = '8'] = process.argv.slice(2);
const ROOM = 3;

const { soft, hard } = getrlimit(RLIMIT_NOFILE);
console.log(`soft limit ${soft}, hard limit ${hard}`); // Node raises its soft limit when it starts

const listener = listen({ port: Number(port), host, backlog: 128 });
console.log(`listening on ${listener.address().address} port ${listener.address().port}`);
while (listener.queue().length < Number(clients)) poll([], 50); // a pause, until all wait in the queue

// The limit bounds the numbers that descriptors may have; the next free one is what dup(2) gives.
const next = dup(listener.fd);
close(next);
setrlimit(RLIMIT_NOFILE, { soft: next + ROOM, hard });

const connections = [];
try {
  for (;;) connections.push(listener.accept({ timeoutMs: 0 }));
} catch (error) {
  console.log(`after ${connections.length}: ${error.code}; ${listener.queue().length} still wait`);
}

// Nobody was lost: those that could not be accepted are in the kernel's queue. As much as is allowed:
setrlimit(RLIMIT_NOFILE, { soft: hard, hard });
connections.push(...listener.acceptMany(Number(clients), { timeoutMs: 0 }));
console.log(`after raising it: ${connections.length}`);

for (const connection of connections) {
  connection.sendAll('welcome\n');
  connection.close();
}
listener.close();
