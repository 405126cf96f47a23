'use strict';
// The client of blocking-loop-server.js: two sends, and how many bytes the kernel took of each.
//
//   node examples/blocking-loop-client.js [port] [host]

const { connect } = require('listenq');
const sys = require('listenq/syscalls');

const [port = '9999', host = '127.0.0.1'] = process.argv.slice(2);

// send() names no address: the connection knows its peer. A stream socket without one refuses.
const unconnected = sys.socket(sys.AF_INET, sys.SOCK_STREAM | sys.SOCK_CLOEXEC);
try {
  sys.send(unconnected, Buffer.from('hello?'), sys.MSG_NOSIGNAL);
} catch (error) {
  console.log(`send before connect: ${error.code}`);
} finally {
  sys.close(unconnected);
}

const connection = connect({ port: Number(port), host, timeoutMs: 10_000 });
console.log(connection);
console.log(`sent ${connection.send('Hello World')} bytes`);
console.log(`sent ${connection.send(Buffer.from([101, 0, 255, 10]))} bytes`); // bytes, not text: NUL is one like others
connection.close();
