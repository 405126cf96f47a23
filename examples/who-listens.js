'use strict';
// Who listens here, and how full is each queue? What "ss -ltn" and "netstat -tpln" answer, and the drops of each.
//
//   node examples/who-listens.js [port]

const { listeners } = require('listenq/kernel');

const [port] = process.argv.slice(2);

const name = ({ address: { family, address, port, path } }) =>
  family === 'unix' ? path.replace('\0', '@') : `${family === 'IPv6' ? `[${address}]` : address}:${port}`;

for (const socket of listeners({ synLength: true, ...(port === undefined ? {} : { port: Number(port) }) })) {
  const { protocol, length, limit, drops, synLength, processes, why } = socket;
  const owners = processes?.map(({ name, pid }) => `${name} (${pid})`).join(', ') ?? why.processes;
  // One more than the limit can wait. Half-open connections wait elsewhere: in the SYN queue.
  const half = synLength === undefined ? '' : `, ${synLength} half-open`;
  const lost = drops === undefined ? '' : `, ${drops} dropped`;
  console.log(`${protocol} ${name(socket)}: ${length} waiting, limit ${limit}${half}${lost}: ${owners}`);
}
