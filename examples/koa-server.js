'use strict';
// A Koa application whose connections are accepted on a thread of their own, with the exact backlog.
//
//   node examples/koa-server.js [port] [host]           and then: curl http://127.0.0.1:4481/hello/you

const http = require('node:http');
const Koa = require('koa');
const { acceptLoopOf, attach } = require('listenq/server');

const [port = '4481', host = '127.0.0.1'] = process.argv.slice(2);

const app = new Koa();
app.use((context) => {
  const [, name] = /^\/hello\/(\w+)$/.exec(context.path) ?? [];
  if (context.path === '/stats') context.body = acceptLoopOf(server).stats();
  else if (name !== undefined) context.body = `hello ${name}\n`;
});

// In place of app.listen(port, host).
const server = attach(http.createServer(app.callback()), { port: Number(port), host, backlog: 1024 });

server.on('listening', () => console.log(`listening on ${host} port ${server.address().port}`));
process.once('SIGTERM', () => server.close(() => console.log('closed')));
