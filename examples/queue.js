'use strict';
// The accept queue, watched. Nobody is accepted until you say so.
//
//   node examples/queue.js [port] [host] [backlog]      and then connect clients: nc 127.0.0.1 4481
//
// Commands on standard input: accept <n>, backlog <n>, quit

const fs = require('node:fs');
const { listen } = require('listenq');
const { poll, POLLIN } = require('listenq/syscalls');

const [port = '4481', host = '127.0.0.1', backlog = '5'] = process.argv.slice(2);
const STDIN = 0;

const listener = listen({ port: Number(port), host, backlog: Number(backlog) });
console.log(`listening on ${listener.address().address} port ${listener.address().port}`);

const commands = {
  /** Takes from the head of the queue: who came first goes first. */
  accept(count) {
    for (const connection of listener.acceptMany(count, { timeoutMs: 0 })) {
      console.log(`accepted port ${connection.remoteAddress.port}`);
      connection.sendAll('your turn\n');
      connection.close();
    }
  },
  /** listen(2) again, on the living queue: nobody who waits is dropped. */
  backlog(size) {
    listener.setBacklog(size);
  },
  quit() {
    listener.close(); // those that still wait are reset
  },
};

/** Carries out the lines that are there; at their end, quits. */
function obey() {
  const room = Buffer.alloc(4096);
  const length = fs.readSync(STDIN, room);
  const lines = length === 0 ? ['quit'] : room.toString('utf8', 0, length).trim().split('\n');
  for (const line of lines) {
    const [name, argument = '1'] = line.trim().split(/\s+/);
    if (Object.hasOwn(commands, name)) commands[name](Number(argument));
    else console.log('accept <n>, backlog <n>, quit');
  }
}

let shown = '';
while (!listener.closed) {
  // length: who waits now. limit: what the kernel made of the backlog; one more than that fits. drops: SYNs that found
  // the queue full, by this listener's own count; a client repeats its SYN, and is counted again.
  const { length, limit, drops } = listener.queue();
  const line = `${length} waiting, limit ${limit}, ${drops} dropped`;
  if (line !== shown) console.log(line);
  shown = line;
  if (poll([{ fd: STDIN, events: POLLIN }], 100).length > 0) obey();
}
