import * as sys from 'listenq/syscalls';
import { group, type FactBody } from '../fact';
import { answers, outcome } from '../outcome';
import type { Scope } from '../scope';
import {
  acceptOne,
  at,
  bound,
  connected,
  knocking,
  listener,
  listenerAtFixedPort,
  nameOf,
  on,
  portOf,
  queueOf,
  receivedSoon,
  stateOf,
  tcp,
  trio,
} from '../sockets';
import { unixListener, unixName, unixSocket } from '../unix-sockets';

/** open(2): a descriptor that only names a file. */
const O_PATH = 0o10000000;

function listens(fd: number, backlog = 5): string {
  return outcome(() => {
    sys.listen(fd, backlog);
  });
}

function refuses(id: string, what: string, expected: string, make: (s: Scope) => number): FactBody {
  return { id, title: `listen: ${what}`, expected, run: (s) => listens(make(s)) };
}

/** A listener that was shut down, and listens again. */
function listensAgain(s: Scope, fd: number, how: number): string {
  const before = portOf(fd);
  sys.shutdown(fd, how);
  const again = listens(fd);
  connected(s, nameOf(fd));
  return `${again}, accepts: ${acceptOne(s, fd)}, ${portOf(fd) === before ? 'same' : 'another'} port`;
}

function acceptsConnections(fd: number): number {
  return sys.getsockoptInt(fd, sys.SOL_SOCKET, sys.SO_ACCEPTCONN);
}

const refusals: FactBody[] = [
  refuses('60', 'a closed descriptor', 'EBADF', (s) => s.closed()),
  refuses('61', 'a descriptor of /dev/null', 'ENOTSOCK', (s) => s.openFile('/dev/null')),
  refuses('62', 'an O_PATH descriptor', 'EBADF', (s) => s.openFile('/dev/null', O_PATH)),
  {
    ...refuses('64', 'a UDP/IPv6 socket', 'EOPNOTSUPP', (s) => s.socket(sys.AF_INET6, sys.SOCK_DGRAM)),
    needs: ['IPv6'],
  },
  {
    ...refuses('65', 'a raw ICMP socket', 'EOPNOTSUPP', (s) =>
      s.socket(sys.AF_INET, sys.SOCK_RAW, sys.IPPROTO_ICMP),
    ),
    needs: ['root'],
  },
  refuses('66', 'an AF_UNIX datagram socket', 'EOPNOTSUPP', (s) => s.socket(sys.AF_UNIX, sys.SOCK_DGRAM)),
  refuses('68', 'an AF_NETLINK socket', 'EOPNOTSUPP', (s) => s.socket(sys.AF_NETLINK, sys.SOCK_RAW)),
  refuses('69', 'an AF_UNIX stream socket that was never bound', 'EINVAL', (s) => unixSocket(s)),
  refuses('70', 'an AF_UNIX seqpacket socket that was never bound', 'EINVAL', (s) =>
    unixSocket(s, sys.SOCK_SEQPACKET),
  ),
  refuses('74', 'a connected TCP client', 'EINVAL', (s) => trio(s).client),
  refuses('76', 'an accepted TCP socket', 'EINVAL', (s) => trio(s).server),
  {
    id: '77',
    title: 'listen: an accepted TCP socket whose peer has closed',
    expected: 'CLOSE_WAIT / EINVAL',
    run: (s) => {
      const { client, server } = trio(s);
      s.closeQuietly(client);
      receivedSoon(server);
      return answers(stateOf(server), listens(server));
    },
  },
  {
    id: '78',
    title: 'listen: a TCP socket whose connection was reset: its state, listen',
    expected: 'CLOSE / EINVAL',
    run: (s) => {
      const { client, server } = trio(s);
      s.close(client);
      receivedSoon(server);
      return answers(stateOf(server), listens(server));
    },
  },
];

const successes: FactBody[] = [
  {
    id: '72',
    title: 'listen: TCP/IPv4 socket that was never bound listens on all addresses and an ephemeral port',
    expected: 'ok, 0.0.0.0, a port, LISTEN',
    run: (s) => neverBound(tcp(s)),
  },
  {
    id: '73',
    title: 'listen: TCP/IPv6 socket that was never bound listens on all addresses and an ephemeral port',
    expected: 'ok, ::, a port, LISTEN',
    needs: ['IPv6'],
    run: (s) => neverBound(tcp(s, '::')),
  },
  {
    id: '80',
    title:
      'listen: a TCP listener again, with the same, a larger and a smaller backlog: each becomes the limit',
    expected: 'ok 5 / ok 9 / ok 2',
    run: (s) => {
      const fd = listener(s, { backlog: 5 });
      const again = (backlog: number): string => `${listens(fd, backlog)} ${queueOf(fd).limit}`;
      return answers(again(5), again(9), again(2));
    },
  },
  {
    id: '81',
    title: 'listen: then bind on the listener',
    expected: 'EINVAL',
    run: (s) => {
      const fd = listener(s);
      return outcome(() => {
        sys.bind(fd, at('127.0.0.1'));
      });
    },
  },
  {
    id: '82',
    title: 'listen: two sockets on one port by SO_REUSEADDR: the first, the second',
    expected: 'ok / EADDRINUSE',
    run: (s) => {
      const first = bound(s, { before: on(sys.SO_REUSEADDR) });
      const second = bound(s, { before: on(sys.SO_REUSEADDR), port: portOf(first) });
      return answers(listens(first), listens(second));
    },
  },
  {
    id: '84',
    title: 'listen: again after shutdown(SHUT_RD), port bound by number',
    expected: 'ok, accepts: ok, same port',
    run: (s) => listensAgain(s, listenerAtFixedPort(s), sys.SHUT_RD),
  },
  {
    id: '85',
    title: 'listen: again after shutdown(SHUT_RD), port chosen by the kernel',
    expected: 'ok, accepts: ok, another port',
    run: (s) => {
      // Its old port may come up again by chance; somebody else holds it meanwhile.
      const fd = listener(s);
      const port = portOf(fd);
      sys.shutdown(fd, sys.SHUT_RD);
      bound(s, { port });
      const again = listens(fd);
      connected(s, nameOf(fd));
      return `${again}, accepts: ${acceptOne(s, fd)}, ${portOf(fd) === port ? 'same' : 'another'} port`;
    },
  },
  {
    id: '86',
    title: 'listen: again after shutdown(SHUT_RDWR), port bound by number',
    expected: 'ok, accepts: ok, same port',
    run: (s) => listensAgain(s, listenerAtFixedPort(s), sys.SHUT_RDWR),
  },
  {
    id: '88',
    title: 'listen: again after shutdown(SHUT_RD), while another SO_REUSEADDR socket listens on that port',
    expected: 'EADDRINUSE',
    run: (s) => {
      const first = listenerAtFixedPort(s, { before: on(sys.SO_REUSEADDR) });
      sys.shutdown(first, sys.SHUT_RD);
      listener(s, { before: on(sys.SO_REUSEADDR), port: portOf(first) });
      return listens(first);
    },
  },
  {
    id: '89',
    title: 'listen: an AF_UNIX listener again after shutdown(SHUT_RD); then a client',
    expected: 'ok / ECONNREFUSED',
    run: (s) => {
      const name = unixName();
      const fd = unixListener(s, name);
      sys.shutdown(fd, sys.SHUT_RD);
      return answers(
        listens(fd),
        outcome(() => knocking(s, name)),
      );
    },
  },
  {
    id: '92',
    title: 'listen: SO_ACCEPTCONN of a TCP socket before bind, after listen, after SHUT_RD',
    expected: '0 / 1 / 0',
    run: (s) => {
      const fd = tcp(s);
      const before = acceptsConnections(fd);
      sys.listen(fd, 5);
      const listening = acceptsConnections(fd);
      sys.shutdown(fd, sys.SHUT_RD);
      return answers(before, listening, acceptsConnections(fd));
    },
  },
  {
    id: '93',
    title: 'listen: SO_ACCEPTCONN of an AF_UNIX socket bound, listening, after SHUT_RD',
    expected: '0 / 1 / 1',
    run: (s) => {
      const fd = unixSocket(s);
      sys.bind(fd, unixName());
      const before = acceptsConnections(fd);
      sys.listen(fd, 5);
      const listening = acceptsConnections(fd);
      sys.shutdown(fd, sys.SHUT_RD);
      return answers(before, listening, acceptsConnections(fd));
    },
  },
];

function neverBound(fd: number): string {
  const result = listens(fd);
  const { address, port } = nameOf(fd);
  return `${result}, ${address}, ${port > 0 ? 'a port' : 'no port'}, ${stateOf(fd)}`;
}

export const listenFacts = group('listen', [...refusals, ...successes]);
