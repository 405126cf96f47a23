'use strict';
// One thread, many clients, nobody waits for anybody: asks the kernel which sockets can go on. Echoes what it gets.
//
//   node examples/select-loop.js [port] [host]

const { listen } = require('listenq');
const { poll, POLLIN, POLLOUT, POLLERR, POLLHUP } = require('listenq/syscalls');

const [port = '9999', host = '127.0.0.1'] = process.argv.slice(2);
/** A client that doesn't read what it is sent is not read from either, beyond this. */
const MOST_UNSENT = 1 << 20;

/**
 * select: of three lists of sockets, those that can be read (a listener: accepted from), those that can be written, and
 * those with an error. All three are empty when time is up.
 */
function select(readers, writers, watched, timeoutMs) {
  const entries = new Map();
  const ask = (sockets, events) => {
    for (const socket of sockets) {
      const entry = entries.get(socket) ?? { fd: socket.fd, events: 0, revents: 0, socket };
      entry.events |= events;
      entries.set(socket, entry);
    }
  };
  ask(readers, POLLIN);
  ask(writers, POLLOUT);
  ask(watched, 0);
  poll([...entries.values()], timeoutMs);
  const having = (sockets, events) =>
    sockets.filter((socket) => (entries.get(socket).revents & events) !== 0);
  return [having(readers, POLLIN | POLLHUP), having(writers, POLLOUT), having(watched, POLLERR)];
}

/** What is still to be sent to each client, and whether it has ended its side. */
const clients = new Map();

function drop(client) {
  clients.delete(client);
  client.close();
}

function read(client) {
  const data = client.recv(4096); // does not wait: select said so
  const state = clients.get(client);
  if (data.length === 0) state.ended = true;
  else state.unsent = Buffer.concat([state.unsent, data]);
  if (state.ended && state.unsent.length === 0) drop(client);
}

function write(client) {
  const state = clients.get(client);
  const sent = client.send(state.unsent); // as much as there is room for
  state.unsent = state.unsent.subarray(sent);
  if (state.ended && state.unsent.length === 0) drop(client);
}

/** Runs a step for a client; one that fails costs that client alone. */
function tryStep(client, step) {
  if (!clients.has(client)) return; // dropped in this very turn
  try {
    step(client);
  } catch (error) {
    console.error(error.message);
    drop(client);
  }
}

const listener = listen({ port: Number(port), host });
console.log(`listening on ${listener.address().address} port ${listener.address().port}`);
for (;;) {
  const all = [...clients.keys()];
  const readers = all.filter(
    (client) => !clients.get(client).ended && clients.get(client).unsent.length < MOST_UNSENT,
  );
  const writers = all.filter((client) => clients.get(client).unsent.length > 0); // else they are nearly always ready
  const [readable, writable, failed] = select([listener, ...readers], writers, all, 60_000);

  for (const client of failed) drop(client);
  for (const client of writable) tryStep(client, write);
  for (const socket of readable) {
    if (socket !== listener) {
      tryStep(socket, read);
      continue;
    }
    const client = listener.tryAccept(); // null: would have had to wait
    if (client !== null) clients.set(client, { unsent: Buffer.alloc(0), ended: false });
  }
}
