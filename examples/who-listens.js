'use strict';
// Who listens here, and how full is each queue? What "ss -ltn" and "netstat -tpln" answer, and the drops of each.
//
//   node examples/who-listens.js [port]

const { listeners } = require('listenq/kernel');

const [port] = process.argv.slice(2);

// Names are chosen by whoever has them, and a control character among them would command the terminal.
const printable = (text) => text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '?');

function nameOf({ address: { family, address, port, path }, ipv6Only }) {
  if (family === 'unix') return printable(path.replace('\0', '@'));
  // As ss has it: this one hears IPv4 too.
  if (address === '::' && ipv6Only === false) return `*:${port}`;
  return `${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

// Each process once, although it may hold several descriptors; - if nobody is seen, ? if that is not known.
function ownersOf({ processes }) {
  const names = new Set(processes?.map(({ name, pid }) => `${printable(name)} (${pid})`));
  return [...names].join(', ') || (processes === undefined ? '?' : '-');
}

function lineOf(socket) {
  const { protocol, length, limit, drops, synLength } = socket;
  // One more than the limit can wait. Half-open connections wait elsewhere: in the SYN queue.
  const half = synLength === undefined ? '' : `, ${synLength} half-open`;
  const lost = drops === undefined ? '' : `, ${drops} dropped`;
  const queue = `${length ?? '?'} waiting, limit ${limit ?? '?'}`;
  return `${protocol} ${nameOf(socket)}: ${queue}${half}${lost}: ${ownersOf(socket)}`;
}

function main() {
  const found = listeners({ synLength: true, ...(port === undefined ? {} : { port: Number(port) }) });
  for (const socket of found) console.log(lineOf(socket));
  const unknown = found.filter(({ processes }) => processes === undefined);
  for (const reason of new Set(unknown.map(({ why }) => why.processes))) console.log(`? ${reason}`);
}

try {
  main();
} catch (error) {
  console.error(`who-listens: ${error.message}`);
  process.exitCode = error instanceof RangeError || error instanceof TypeError ? 2 : 1;
}
