'use strict';
// A connection is two addresses and two ports. Those four together must be unique; one port alone need not be.
//
//   node examples/four-tuple.js <port> <another port> [address]         of two servers

const sys = require('listenq/syscalls');

const [portA, portB, address = '127.0.0.1'] = process.argv.slice(2);

/** Connects to `port`, from `localPort` if there is one. */
function connectFrom(localPort, port) {
  const fd = sys.socket(sys.AF_INET, sys.SOCK_STREAM | sys.SOCK_CLOEXEC);
  try {
    sys.setsockopt(fd, sys.SOL_SOCKET, sys.SO_REUSEADDR, true); // allows bind(2) to share a port
    sys.bind(fd, { family: 'IPv4', address: '0.0.0.0', port: localPort });
    sys.connect(fd, { family: 'IPv4', address, port: Number(port) });
  } catch (error) {
    sys.close(fd);
    throw error;
  }
  const [local, remote] = [sys.getsockname(fd), sys.getpeername(fd)];
  console.log(`${local.address} port ${local.port} to ${remote.address} port ${remote.port}: ok`);
  return fd;
}

const first = connectFrom(0, portA); // 0: the kernel picks a port
const { port: localPort } = sys.getsockname(first);

// The same port of ours, to another port of theirs: another connection.
const second = connectFrom(localPort, portB);

// The same four again: no.
try {
  connectFrom(localPort, portA);
} catch (error) {
  console.log(`port ${localPort} to ${address} port ${portA} again: ${error.code} from ${error.syscall}`);
}

sys.close(first);
sys.close(second);
