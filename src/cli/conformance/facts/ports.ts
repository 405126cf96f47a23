import * as sys from 'listenq/syscalls';
import { group, type FactBody } from '../fact';
import { answers, outcome } from '../outcome';
import type { Scope } from '../scope';
import { at, bound, connected, listener, LOOPBACK, nameOf, on, portOf, tcp } from '../sockets';

function chosenPorts(s: Scope, count: number): number[] {
  return Array.from({ length: count }, () => {
    const fd = bound(s);
    const port = portOf(fd);
    s.close(fd);
    return port;
  });
}

/** IP_LOCAL_PORT_RANGE: the low port in the lower half, the high one in the upper. */
function fromRange(s: Scope, low: number, high: number): number {
  const fd = tcp(s);
  sys.setsockopt(
    fd,
    sys.IPPROTO_IP,
    sys.IP_LOCAL_PORT_RANGE,
    Buffer.from(Uint32Array.of(low + high * 65536).buffer),
  );
  sys.bind(fd, at(LOOPBACK));
  return portOf(fd);
}

/** The port that a client got from the kernel, which is still connected. */
function ephemeralPort(s: Scope, options: number[]): number {
  const fd = listener(s, { before: on(...options) });
  return portOf(connected(s, nameOf(fd), { before: on(...options) }));
}

const RANGE = 'net.ipv4.ip_local_port_range';

const facts: FactBody[] = [
  {
    id: '301',
    title: 'bind: port 0, 200 times: inside ip_local_port_range',
    expected: '32768-60999',
    needs: ['private network'],
    run: (s) => {
      s.sysctl(RANGE, '32768 60999');
      const outside = chosenPorts(s, 200).filter((port) => port < 32768 || port > 60999);
      return outside.length === 0 ? '32768-60999' : outside.join(', ');
    },
  },
  {
    id: '302',
    title: 'bind: port 0, 200 times: of the other parity than the start of the range',
    expected: 'all odd',
    needs: ['private network'],
    run: (s) => {
      s.sysctl(RANGE, '32768 60999');
      const even = chosenPorts(s, 200).filter((port) => port % 2 === 0);
      return even.length === 0 ? 'all odd' : `${even.length} even`;
    },
  },
  {
    id: '304',
    title: 'bind: the ephemeral port of a live connection, no options: 127.0.0.1, ::ffff:127.0.0.1, ::',
    expected: 'EADDRINUSE / EADDRINUSE / EADDRINUSE',
    needs: ['IPv6'],
    run: (s) => {
      const port = ephemeralPort(s, []);
      const binds = (address: string): string => outcome(() => bound(s, { address, port }));
      return answers(binds(LOOPBACK), binds('::ffff:127.0.0.1'), binds('::'));
    },
  },
  {
    id: '305',
    title: 'bind: the ephemeral port of a live connection, SO_REUSEADDR on every socket',
    expected: 'ok',
    run: (s) => {
      const port = ephemeralPort(s, [sys.SO_REUSEADDR]);
      return outcome(() => bound(s, { port, before: on(sys.SO_REUSEADDR) }));
    },
  },
  {
    id: '306',
    title: 'bind: port 0 with SO_REUSEADDR, in a range of 4 that are all bound with it',
    expected: 'EADDRINUSE',
    needs: ['private network'],
    run: (s) => {
      s.sysctl(RANGE, '45000 45003');
      for (let port = 45000; port <= 45003; port++) bound(s, { port, before: on(sys.SO_REUSEADDR) });
      return outcome(() => bound(s, { before: on(sys.SO_REUSEADDR) }));
    },
  },
  {
    id: '308',
    title: 'bind: port 0 with IP_LOCAL_PORT_RANGE 42000-42001: the port',
    expected: '42000 or 42001',
    needs: ['private network'],
    run: (s) => {
      const port = fromRange(s, 42000, 42001);
      return port === 42000 || port === 42001 ? '42000 or 42001' : String(port);
    },
  },
  {
    id: '309',
    title: 'bind: port 0 with IP_LOCAL_PORT_RANGE 20000-20001, outside the system range: ignored',
    expected: 'a port of the system range',
    needs: ['private network'],
    run: (s) => {
      s.sysctl(RANGE, '32768 60999');
      const port = fromRange(s, 20000, 20001);
      return port >= 32768 && port <= 60999 ? 'a port of the system range' : String(port);
    },
  },
  {
    id: '310',
    title: 'bind: 127.0.0.1:0 with IP_BIND_ADDRESS_NO_PORT: port before / after connect',
    expected: '0 / a port',
    run: (s) => {
      const server = listener(s);
      const fd = tcp(s);
      sys.setsockopt(fd, sys.IPPROTO_IP, sys.IP_BIND_ADDRESS_NO_PORT, 1);
      sys.bind(fd, at(LOOPBACK));
      const before = portOf(fd);
      sys.connect(fd, nameOf(server));
      return answers(before, portOf(fd) > 0 ? 'a port' : 'none');
    },
  },
];

export const portFacts = group('ports', facts);
