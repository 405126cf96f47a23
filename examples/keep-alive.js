'use strict';
// A peer that is gone without a word: its machine lost power, or the network did. recv() would wait for ever, so let
// the kernel ask now and then whether it is still there.
//
//   node examples/keep-alive.js [port] [host]

const { listen } = require('listenq');

const [port = '9999', host = '127.0.0.1'] = process.argv.slice(2);

const listener = listen({ port: Number(port), host });
console.log(`listening on ${listener.address().address} port ${listener.address().port}`);

for (const connection of listener) {
  // After 1 quiet second a probe each second; when 2 go unanswered the connection is dead, after some 3 seconds.
  // (The defaults are two hours, 75 seconds and 9.) It costs a silent peer nothing as long as its kernel answers.
  connection.setKeepAlive(true, { idleSeconds: 1, intervalSeconds: 1, count: 2 });
  console.log('connected');
  try {
    for (const data of connection) console.log(`got: ${data.toString('utf8').trim()}`);
    console.log('the peer has closed');
  } catch (error) {
    console.log(`the peer is gone: ${error.code}`);
  } finally {
    connection.close();
  }
}
