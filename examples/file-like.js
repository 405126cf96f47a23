'use strict';
// A connection as a file: lines in, writes that are gathered, and a flush that sends them.
//
//   node examples/file-like.js [port] [host]            of a server that answers lines; Enter flushes

const fs = require('node:fs');
const { connect } = require('listenq');

class ConnectionFile {
  #connection;
  #unread = Buffer.alloc(0);
  #unsent = [];

  constructor(connection) {
    this.#connection = connection;
  }

  /** Keeps data for the next flush. Nothing is sent: who now waits for an answer waits for ever. */
  write(data) {
    this.#unsent.push(Buffer.from(data));
  }

  /** How many bytes flush would send. */
  get pending() {
    return this.#unsent.reduce((sum, piece) => sum + piece.length, 0);
  }

  flush() {
    const data = Buffer.concat(this.#unsent);
    this.#unsent = [];
    this.#connection.sendAll(data);
  }

  /** Up to and with the next newline; what is left at end of stream; '' after that. */
  readLine() {
    let end = this.#unread.indexOf('\n');
    while (end < 0) {
      const chunk = this.#connection.recv(8192);
      this.#unread = Buffer.concat([this.#unread, chunk]);
      end = chunk.length === 0 ? this.#unread.length : this.#unread.indexOf('\n');
    }
    const line = this.#unread.subarray(0, end + 1);
    this.#unread = this.#unread.subarray(end + 1);
    return line.toString('utf8');
  }

  close() {
    this.flush();
    this.#connection.close();
  }
}

const [port = '9999', host = '127.0.0.1'] = process.argv.slice(2);
const file = new ConnectionFile(connect({ port: Number(port), host, timeoutMs: 10_000 }));
file.write('one\n');
file.write('two\n');
console.log(`written: ${file.pending} bytes, none of them sent`);
fs.readSync(0, Buffer.alloc(100)); // until Enter
file.flush();
console.log(`flushed: ${file.pending} bytes left`);
for (let line = file.readLine(); line !== ''; line = file.readLine()) console.log(`read: ${line.trimEnd()}`);
file.close();
