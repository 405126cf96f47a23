'use strict';
// A Fastify application whose connections are accepted on a thread of their own, with the exact backlog.
//
//   node examples/fastify-server.js [port] [host]       and then: curl http://127.0.0.1:4481/hello/you

const fastify = require('fastify');
const { acceptLoopOf, attach } = require('listenq/server');

const [port = '4481', host = '127.0.0.1'] = process.argv.slice(2);

const app = fastify();
app.get('/hello/:name', (request, reply) => reply.send(`hello ${request.params.name}\n`));
app.get('/stats', (request, reply) => reply.send(acceptLoopOf(app.server).stats()));

app.server.on('listening', () => console.log(`listening on ${host} port ${app.server.address().port}`));

// Whoever has the server listen, here Fastify itself, has the accept thread and the exact backlog.
attach(app.server);
app.listen({ port: Number(port), host, backlog: 1024 });

process.once('SIGTERM', () => void app.close().then(() => console.log('closed')));
