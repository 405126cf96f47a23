'use strict';
// Calls that would wait for ever, bounded. Serves one client that neither talks nor reads.
//
//   node examples/timeouts.js [port] [host]             and then connect one that keeps still

const { connect, listen } = require('listenq');

const [port = '9999', host = '127.0.0.1'] = process.argv.slice(2);

function timed(what, call) {
  const started = performance.now();
  let result = 'done';
  try {
    call();
  } catch (error) {
    result = `${error.code} from ${error.syscall}`;
    if (error.bytesSent !== undefined) result += `, ${error.bytesSent > 0 ? 'some' : 'none'} of it sent`;
  }
  console.log(`${what}: ${result} after ${Math.round(performance.now() - started)} ms`);
}

const listener = listen({ port: Number(port), host });
timed('accept', () => listener.accept({ timeoutMs: 300 })); // this call alone
console.log(`listening on ${listener.address().address} port ${listener.address().port}`);

const connection = listener.accept();
connection.setTimeout(300); // each wait from now on
timed('recv', () => connection.recv(100));
timed('send', () => connection.sendAll(Buffer.alloc(64 << 20))); // more than any buffer on the way holds
connection.reset(); // what is unsent would otherwise keep the kernel trying

// A listener of our own whose queue is full: backlog 0 lets one wait, and connect would wait for minutes.
listener.setBacklog(0);
const first = connect({ host, port: listener.address().port });
timed('connect', () => connect({ host, port: listener.address().port, timeoutMs: 300 }));
first.close();
listener.close();
