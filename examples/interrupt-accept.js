'use strict';
// A thread that is blocked in accept can be called back, and sent home, without being killed.
//
//   node examples/interrupt-accept.js [port] [host]
//
// Commands on standard input: interrupt, close

const fs = require('node:fs');
const readline = require('node:readline');
const { Worker, isMainThread, workerData } = require('node:worker_threads');
const { Listener, interrupt, listen } = require('listenq');

const say = (line) => fs.writeSync(1, `${line}\n`); // of either thread, at once

function acceptThread(handle) {
  const listener = Listener.from(handle); // this thread's copy of the listener
  say('thread: waiting');
  while (!listener.closed) {
    try {
      const connection = listener.accept();
      connection.sendAll('hello from the thread\n');
      connection.close();
    } catch (error) {
      say(`thread: ${error.code}`); // ERR_INTERRUPTED: nothing is lost, go on. ERR_LISTENER_CLOSED: that was it
    }
  }
  say('thread: ends by itself');
}

function main() {
  const [port = '9999', host = '127.0.0.1'] = process.argv.slice(2);
  const listener = listen({ port: Number(port), host });
  say(`listening on ${listener.address().address} port ${listener.address().port}`);
  const worker = new Worker(__filename, { workerData: listener.share() });
  const commands = readline.createInterface({ input: process.stdin });
  commands.on('line', (line) => {
    if (line === 'interrupt') interrupt(worker.threadId);
    if (line === 'close') listener.close(); // wakes every thread that waits in it
  });
  worker.on('exit', (code) => {
    say(`main: the thread has ended with ${code}`);
    commands.close();
    process.stdin.unref();
  });
}

if (isMainThread) main();
else acceptThread(workerData);
