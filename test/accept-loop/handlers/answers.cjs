'use strict';
// What a client asks for with the first line that it sends.
const { threadId } = require('node:worker_threads');

const answers = {
  thread: (connection) => void connection.sendAll(`${threadId}`),
  hold: (connection) => void connection.recv(1),
  throw: () => {
    throw Object.assign(new RangeError('of the handler'), { code: 'ERR_OF_THE_HANDLER' });
  },
  reject: async () => Promise.reject(new Error('later')),
  text: () => {
    throw 'no Error';
  },
  function: () => {
    throw Object.assign(new Error('with a function'), { call: () => 1 });
  },
  exit: () => process.exit(3),
  uncaught: () =>
    new Promise(() => {
      setImmediate(() => {
        throw new Error('of a timer');
      });
    }),
  later: async (connection) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    connection.sendAll('later');
  },
  socket: (connection) => void connection.toSocket().end('by a net.Socket'),
  print: (connection) => {
    console.log('printed by a handler');
    connection.sendAll('printed');
  },
  spin: () => {
    for (;;);
  },
};

module.exports = (connection) => {
  connection.sendAll('?');
  return answers[connection.recv(100).toString()](connection);
};
