import * as sys from 'listenq/syscalls';
import { asNobody } from '../as-user';
import { group, type FactBody } from '../fact';
import { answers, outcome } from '../outcome';
import type { Scope } from '../scope';
import { at, bound, LOOPBACK, on, portOf, tcp } from '../sockets';

/** RFC 5737: never an address of this machine. */
const FOREIGN = '192.0.2.1';

/** A second socket, bound to the port of a first one. */
function second(s: Scope, first: number, address: string, before?: (fd: number) => void): string {
  const fd = tcp(s);
  before?.(fd);
  return outcome(() => {
    sys.bind(fd, at(address, portOf(first)));
  });
}

const facts: FactBody[] = [
  {
    id: '40',
    title: 'bind: a descriptor of /dev/null',
    expected: 'ENOTSOCK',
    run: (s) => {
      const fd = s.openFile('/dev/null');
      return outcome(() => {
        sys.bind(fd, at(LOOPBACK));
      });
    },
  },
  {
    id: '42',
    title: 'bind: TCP, port 0 of all addresses: the kernel chooses a port',
    expected: 'ok, 0.0.0.0, a port',
    run: (s) => {
      const fd = bound(s, { address: '0.0.0.0' });
      const { address, port } = sys.getsockname(fd) as sys.IPv4Address;
      return `ok, ${address}, ${port > 0 ? 'a port' : 'no port'}`;
    },
  },
  {
    id: '44',
    title: 'bind: TCP/IPv4, an address not on this machine',
    expected: 'EADDRNOTAVAIL',
    needs: ['private network'],
    run: (s) => outcome(() => bound(s, { address: FOREIGN })),
  },
  {
    id: '45',
    title: 'bind: TCP/IPv6, an address not on this machine',
    expected: 'EADDRNOTAVAIL',
    needs: ['IPv6', 'private network'],
    run: (s) => outcome(() => bound(s, { address: '::2' })),
  },
  {
    id: '46',
    title: 'bind: an address not on this machine, with IP_FREEBIND',
    expected: 'ok / 192.0.2.1',
    needs: ['private network'],
    run: (s) => {
      const fd = tcp(s);
      sys.setsockopt(fd, sys.IPPROTO_IP, sys.IP_FREEBIND, 1);
      const bind = outcome(() => {
        sys.bind(fd, at(FOREIGN));
      });
      return answers(bind, (sys.getsockname(fd) as sys.IPv4Address).address);
    },
  },
  {
    id: '48',
    title: 'bind: a TCP socket that is bound already',
    expected: 'EINVAL',
    run: (s) => {
      const fd = bound(s);
      return outcome(() => {
        sys.bind(fd, at(LOOPBACK));
      });
    },
  },
  {
    id: '49',
    title: 'bind: address and port of another socket, without options',
    expected: 'EADDRINUSE',
    run: (s) => second(s, bound(s), LOOPBACK),
  },
  {
    id: '50',
    title: 'bind: a port below 1024 as an ordinary user',
    expected: 'EACCES',
    needs: ['root', 'private network'],
    run: (s) => asNobody(() => outcome(() => bound(s, { port: 463 }))),
  },
  {
    id: '52',
    title: 'bind: 127.0.0.2:p while 127.0.0.1:p is bound',
    expected: 'ok',
    run: (s) => second(s, bound(s), '127.0.0.2'),
  },
  {
    id: '53',
    title: 'bind: 0.0.0.0:p while 127.0.0.1:p is bound',
    expected: 'EADDRINUSE',
    run: (s) => second(s, bound(s), '0.0.0.0'),
  },
  {
    id: '54',
    title: 'bind: 0.0.0.0:p while 127.0.0.1:p is bound and does not listen, both with SO_REUSEADDR',
    expected: 'ok',
    run: (s) => second(s, bound(s, { before: on(sys.SO_REUSEADDR) }), '0.0.0.0', on(sys.SO_REUSEADDR)),
  },
];

export const bindFacts = group('bind', facts);
