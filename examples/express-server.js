'use strict';
// An Express application whose connections are accepted on a thread of their own, with the exact backlog.
//
//   node examples/express-server.js [port] [host]       and then: curl http://127.0.0.1:4481/hello/you

const http = require('node:http');
const express = require('express');
const { acceptLoopOf, attach } = require('listenq/server');

const [port = '4481', host = '127.0.0.1'] = process.argv.slice(2);

const app = express();
app.get('/hello/:name', (request, response) => response.send(`hello ${request.params.name}\n`));
app.get('/stats', (request, response) => response.json(acceptLoopOf(server).stats()));

// In place of app.listen(port, host).
const server = attach(http.createServer(app), { port: Number(port), host, backlog: 1024 });

server.on('listening', () => console.log(`listening on ${host} port ${server.address().port}`));
process.once('SIGTERM', () => server.close(() => console.log('closed')));
