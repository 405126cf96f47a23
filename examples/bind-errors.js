'use strict';
// What bind(2) refuses, and how Linux says so.
//
//   node examples/bind-errors.js <port that another program listens on>

const { listen } = require('listenq');
const sys = require('listenq/syscalls');

const [taken = '4481'] = process.argv.slice(2);

/** Makes a call and prints what came of it; what it opened is closed. */
function attempt(what, call) {
  try {
    call().close();
    console.log(`${what}: ok`);
  } catch (error) {
    console.log(`${what}: ${error.code} from ${error.syscall} for ${error.address} port ${error.port}`);
  }
}

attempt('a port that is taken', () => listen({ port: Number(taken), host: '127.0.0.1' }));
attempt('an address that is not ours', () => listen({ host: '1.2.3.4' }));
// Needs CAP_NET_BIND_SERVICE below net.ipv4.ip_unprivileged_port_start.
attempt('a port below 1024', () => listen({ port: 1023, host: '127.0.0.1' }));

/** Binds 127.0.0.1 and then all addresses, both on one port, with `options` set on each and without listening. */
function bindOneThenAll(...options) {
  const fds = [];
  const bound = (address, port) => {
    const fd = sys.socket(sys.AF_INET, sys.SOCK_STREAM | sys.SOCK_CLOEXEC);
    fds.push(fd);
    for (const option of options) sys.setsockopt(fd, sys.SOL_SOCKET, option, true);
    sys.bind(fd, { family: 'IPv4', address, port });
    return sys.getsockname(fd);
  };
  const close = () => fds.forEach((fd) => sys.close(fd));
  try {
    bound('0.0.0.0', bound('127.0.0.1', 0).port);
  } catch (error) {
    close();
    throw error;
  }
  return { close };
}

// All addresses include 127.0.0.1, so on Linux the second bind is refused, unless both sockets agree to share.
attempt('one address, then all', () => bindOneThenAll());
attempt('the same with SO_REUSEADDR on both', () => bindOneThenAll(sys.SO_REUSEADDR));
attempt('the same with SO_REUSEPORT on both', () => bindOneThenAll(sys.SO_REUSEPORT));
