'use strict';
// Sockets that are closed when their scope is left, however it is left: by its end, by return, by an error.
//
//   node examples/scoped-use.js [port] [host]           and then, twice: echo ohai | nc 127.0.0.1 4481

const { listen } = require('listenq');

const [port = '4481', host = '127.0.0.1'] = process.argv.slice(2);

/** What `using` does where the language has it, as TypeScript 5.2 and Node 24 do: `using connection = …`. */
function within(resource, body) {
  try {
    return body(resource);
  } finally {
    resource[Symbol.dispose]();
  }
}

function serve(connection) {
  const request = connection.recv(100).toString('utf8').trim();
  if (request === 'fail') throw new Error('the handler failed');
  connection.sendAll(`you said ${request}\n`);
}

const kept = within(listen({ port: Number(port), host }), (listener) => {
  console.log(`listening on ${listener.address().address} port ${listener.address().port}`);
  for (let i = 0; i < 2; i++) {
    const connection = listener.accept();
    try {
      within(connection, serve);
    } catch (error) {
      console.log(
        `${error.message}; the connection is ${connection.closed ? 'closed' : 'open'} all the same`,
      );
    }
  }
  return listener;
});
console.log(`the listener is ${kept.closed ? 'closed' : 'open'}`);
