'use strict';
// A stream has no messages: recv() gives half of one, or three and a half. Four ways to find their ends.
//
//   node examples/framing.js [port] [host]
//
// A client's first byte says which way it has chosen, and each of its messages comes back in brackets, on a line:
//   F fixed length (8 bytes)   L ended by a newline   P its length before it, as 5 digits   E ended by shutdown

const { listen } = require('listenq');

/** Reads messages off a connection. What recv() brought beyond a message is kept for the next one. */
class MessageReader {
  #connection;
  #held = Buffer.alloc(0);

  constructor(connection) {
    this.#connection = connection;
  }

  /** Adds what has come to what is held; false at end of stream. */
  #more() {
    const chunk = this.#connection.recv(4096);
    this.#held = Buffer.concat([this.#held, chunk]);
    return chunk.length > 0;
  }

  #take(size) {
    const message = this.#held.subarray(0, size);
    this.#held = this.#held.subarray(size);
    return message;
  }

  /** A message of so many bytes; null if the stream ends before its first byte. */
  fixed(size) {
    while (this.#held.length < size) {
      if (this.#more()) continue;
      if (this.#held.length === 0) return null;
      throw new Error('the connection broke in the middle of a message');
    }
    return this.#take(size);
  }

  /** A message that `delimiter` ends, without it. */
  delimited(delimiter) {
    for (;;) {
      const end = this.#held.indexOf(delimiter);
      if (end >= 0) {
        const message = this.#take(end);
        this.#take(delimiter.length);
        return message;
      }
      if (this.#more()) continue;
      if (this.#held.length === 0) return null;
      throw new Error('the connection broke in the middle of a message');
    }
  }

  /** A message with its length before it, in decimal; the length may come in pieces too. */
  prefixed(digits) {
    const prefix = this.fixed(digits);
    if (prefix === null) return null;
    const size = Number(prefix.toString('ascii'));
    if (!Number.isInteger(size)) throw new Error(`not a length: ${prefix}`);
    const message = this.fixed(size);
    if (message === null) throw new Error('the connection broke in the middle of a message');
    return message;
  }

  /** All that comes until the peer ends its side. */
  toEnd() {
    while (this.#more());
    return this.#held.length === 0 ? null : this.#take(this.#held.length);
  }
}

const ways = {
  F: (reader) => reader.fixed(8),
  L: (reader) => reader.delimited('\n'),
  P: (reader) => reader.prefixed(5),
  E: (reader) => reader.toEnd(),
};

/** The type of the messages decides how the rest is read. */
function serve(connection) {
  const reader = new MessageReader(connection);
  const type = reader.fixed(1)?.toString('ascii');
  if (type === undefined) return;
  if (!Object.hasOwn(ways, type)) throw new Error(`no such kind of message: ${type}`);
  for (let message = ways[type](reader); message !== null; message = ways[type](reader)) {
    connection.sendAll(Buffer.concat([Buffer.from('['), message, Buffer.from(']\n')]));
  }
}

const [port = '9999', host = '127.0.0.1'] = process.argv.slice(2);
const listener = listen({ port: Number(port), host });
console.log(`listening on ${listener.address().address} port ${listener.address().port}`);
for (const connection of listener) {
  try {
    serve(connection);
  } catch (error) {
    console.log(error.message);
  } finally {
    connection.close();
  }
}
