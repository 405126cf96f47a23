'use strict';
// An echo client, written twice: with one call that resolves, tries and connects, and step by step.
//
//   node examples/echo-client.js [port] [host]          the steps need a numeric host; a name uses 127.0.0.1 for them

const net = require('node:net');
const { connect } = require('listenq');
const sys = require('listenq/syscalls');

const [port = '9999', host = 'localhost'] = process.argv.slice(2);

function inOneCall() {
  // A name may stand for several addresses: each is tried until one answers.
  const connection = connect({ port: Number(port), host, timeoutMs: 10_000 });
  try {
    connection.sendAll('data');
    return connection.recvExactly(4, { timeoutMs: 10_000 });
  } finally {
    connection.close();
  }
}

function stepByStep() {
  const fd = sys.socket(sys.AF_INET, sys.SOCK_STREAM | sys.SOCK_CLOEXEC);
  try {
    sys.connect(fd, { family: 'IPv4', address: net.isIPv4(host) ? host : '127.0.0.1', port: Number(port) });
    const sent = sys.send(fd, Buffer.from('data')); // how many bytes the kernel took
    const answer = Buffer.alloc(1024);
    let got = 0;
    while (got < sent) {
      const count = sys.recv(fd, answer.subarray(got));
      if (count === 0) throw new Error('the connection ended before the echo was complete');
      got += count;
    }
    return answer.subarray(0, got);
  } finally {
    sys.close(fd);
  }
}

console.log(`in one call: ${inOneCall()}`);
console.log(`step by step: ${stepByStep()}`);
