'use strict';
// The address that a listener is bound to decides who can reach it. A listener for each, with a port of its own.
//
//   node examples/bind-addresses.js         and then: nc 127.0.0.1 <port>, nc 127.0.0.2 <port>

const { listen } = require('listenq');
const { acceptEach } = require('./accept-loop');

// The names that C has for three IPv4 addresses, as the 32-bit numbers that they are there. Linux lets a listener have
// the third, which no client can connect to.
const INADDR = { INADDR_ANY: 0x00000000, INADDR_LOOPBACK: 0x7f000001, INADDR_BROADCAST: 0xffffffff };

/** A 32-bit number as an address: its bytes from the highest to the lowest. */
function dotted(number) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return bytes.join('.');
}

const places = { ...INADDR, localhost: 'localhost', 'no host': undefined, 'the IPv6 loopback': '::1' };
const listeners = [];
for (const [name, place] of Object.entries(places)) {
  const host = typeof place === 'number' ? dotted(place) : place;
  try {
    const listener = listen(host === undefined ? {} : { host });
    const { address, port } = listener.address();
    console.log(`${name}: listening on ${address} port ${port}`);
    listeners.push(listener);
  } catch (error) {
    console.log(`${name}: ${error.message}`);
  }
}
console.log('ready');

acceptEach((connection) => {
  try {
    connection.sendAll(`you reached ${connection.localAddress.address}\n`);
  } catch (error) {
    console.error(error.message);
  } finally {
    connection.close();
  }
}, listeners);
