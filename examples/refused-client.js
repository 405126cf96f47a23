'use strict';
// What a client sees of a server that doesn't take it: one that listens with a full queue, or none at all.
//
//   node examples/refused-client.js <port> [address] [ms to wait]

const sys = require('listenq/syscalls');

const [port = '4481', address = '127.0.0.1', patience = '10000'] = process.argv.slice(2);
// Of struct tcp_info: the state, and how many segments had to be sent again.
const [STATE, TOTAL_RETRANSMITS, SIZE] = [0, 100, 104];
const STATES = { 1: 'ESTABLISHED', 2: 'SYN_SENT', 7: 'CLOSE' };

function look(fd) {
  const info = sys.getsockopt(fd, sys.IPPROTO_TCP, sys.TCP_INFO, SIZE);
  const again = new DataView(info.buffer, info.byteOffset).getUint32(TOTAL_RETRANSMITS, true);
  return `${STATES[info[STATE]]}, SYN repeated ${again} times`;
}

/** Connects and reports every second, until there is an outcome or patience ends. */
function watch(fd) {
  const started = performance.now();
  const elapsed = () => Math.round(performance.now() - started);
  try {
    sys.connect(fd, { family: 'IPv4', address, port: Number(port) });
  } catch (error) {
    if (error.code !== 'EINPROGRESS') return `${error.code} at once`;
  }
  while (elapsed() < Number(patience)) {
    if (sys.poll([{ fd, events: sys.POLLOUT }], Math.min(1000, Number(patience))).length > 0) {
      const errno = sys.getsockoptInt(fd, sys.SOL_SOCKET, sys.SO_ERROR);
      return errno === 0
        ? `let in after ${elapsed()} ms: ${look(fd)}`
        : `errno ${errno} after ${elapsed()} ms`;
    }
    console.log(`${elapsed()} ms: ${look(fd)}`);
  }
  return `no answer within ${patience} ms: ${look(fd)}`;
}

// A full queue is silence: the SYN is dropped, TCP repeats it, and gets in when there is room by then. ECONNREFUSED
// means that nobody listens there.
const fd = sys.socket(sys.AF_INET, sys.SOCK_STREAM | sys.SOCK_CLOEXEC | sys.SOCK_NONBLOCK);
console.log(watch(fd));
sys.close(fd);
