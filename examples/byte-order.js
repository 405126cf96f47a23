'use strict';
// Numbers on the wire go highest byte first, whatever this machine does. Sends three, and gets their sum back.
//
//   node examples/byte-order.js [port] [host]           of a server that unpacks 16, 32 and 64 bits, and adds

const os = require('node:os');
const { connect } = require('listenq');

const [port = '9999', host = '127.0.0.1'] = process.argv.slice(2);

/** What C calls htons and ntohs: swaps where this machine is the other way round, and else does nothing. */
const swap16 = (n) => (os.endianness() === 'BE' ? n : ((n & 0xff) << 8) | (n >> 8));
/** And htonl, ntohl. */
const swap32 = (n) => (os.endianness() === 'BE' ? n : Buffer.from(Uint32Array.of(n).buffer).readUInt32BE());

console.log(`this machine is ${os.endianness() === 'LE' ? 'little' : 'big'}-endian`);
console.log(`htons(1) is 0x${swap16(1).toString(16)}, htonl(1) is 0x${swap32(1).toString(16)}`);

// In JavaScript nobody swaps: a Buffer is told which way to write.
const message = Buffer.alloc(2 + 4 + 8);
message.writeUInt16BE(1, 0);
message.writeUInt32BE(0x01020304, 2);
message.writeBigUInt64BE(2n ** 40n, 6);
console.log(`on the wire: ${message.toString('hex')}`);

const connection = connect({ port: Number(port), host, timeoutMs: 10_000 });
try {
  connection.sendAll(message);
  console.log(`the sum: ${connection.recvExactly(8, { timeoutMs: 10_000 }).readBigUInt64BE()}`);
} finally {
  connection.close();
}
