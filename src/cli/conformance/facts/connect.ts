import * as sys from 'listenq/syscalls';
import { pollText } from '../events';
import { group, type FactBody } from '../fact';
import { answers, outcome } from '../outcome';
import type { Scope } from '../scope';
import {
  accepted,
  at,
  bound,
  connected,
  knocking,
  knockInTurn,
  listener,
  LOOPBACK,
  nameOf,
  on,
  pendingError,
  portOf,
  stateOf,
  tcp,
  trio,
} from '../sockets';

function connects(fd: number, to: sys.Address): string {
  return outcome(() => {
    sys.connect(fd, to);
  });
}

/** A port where nothing listens: it is bound, so that nobody else begins to. */
function silentPort(s: Scope): sys.Address {
  return nameOf(bound(s));
}

/** A listener whose queue is full, and a client in SYN_SENT. */
function waitingClient(s: Scope): { name: sys.Address; client: number } {
  const fd = listener(s, { backlog: 0 });
  const [, client] = knockInTurn(s, fd, 2) as [number, number];
  return { name: nameOf(fd), client };
}

const facts: FactBody[] = [
  {
    id: '197',
    title: 'connect: a closed descriptor',
    expected: 'EBADF',
    run: (s) => connects(s.closed(), at(LOOPBACK, 9)),
  },
  {
    id: '198',
    title: 'connect: a descriptor of /dev/null',
    expected: 'ENOTSOCK',
    run: (s) => connects(s.openFile('/dev/null'), at(LOOPBACK, 9)),
  },
  {
    id: '202',
    title: 'connect: to a port where nothing listens',
    expected: 'ECONNREFUSED',
    run: (s) => connects(tcp(s), silentPort(s)),
  },
  {
    id: '204',
    title: 'connect: a socket that is connected: the client, the accepted one',
    expected: 'EISCONN / EISCONN',
    run: (s) => {
      const { listener: fd, client, server } = trio(s);
      return answers(connects(client, nameOf(fd)), connects(server, nameOf(fd)));
    },
  },
  {
    id: '205',
    title: 'connect: non-blocking: first; again after POLLOUT; a third time',
    expected: 'EINPROGRESS / ok / EISCONN',
    run: (s) => {
      const fd = listener(s);
      const client = tcp(s);
      sys.setNonblocking(client, true);
      const first = connects(client, nameOf(fd));
      sys.poll([{ fd: client, events: sys.POLLOUT }], 2000);
      return answers(first, connects(client, nameOf(fd)), connects(client, nameOf(fd)));
    },
  },
  {
    id: '206',
    title: 'connect: non-blocking, queue full (SYN_SENT): again',
    expected: 'EALREADY',
    run: (s) => {
      const { name, client } = waitingClient(s);
      return connects(client, name);
    },
  },
  {
    id: '208',
    title: 'connect: non-blocking, refused, SO_ERROR read: SO_ERROR; connect again, blocking',
    expected: '111 / ECONNABORTED',
    run: (s) => {
      const to = silentPort(s);
      const client = knocking(s, to);
      sys.poll([{ fd: client, events: sys.POLLOUT }], 2000);
      const error = pendingError(client);
      sys.setNonblocking(client, false);
      return answers(error, connects(client, to));
    },
  },
  {
    id: '209',
    title: 'connect: refused; again on the same socket once the port listens',
    expected: 'ECONNREFUSED / ok',
    run: (s) => {
      const server = bound(s);
      const client = tcp(s);
      const first = connects(client, nameOf(server));
      sys.listen(server, 5);
      return answers(first, connects(client, nameOf(server)));
    },
  },
  {
    id: '210',
    title: 'connect: to 0.0.0.0 means loopback: connect; the peer’s address',
    expected: 'ok / 127.0.0.1',
    run: (s) => {
      const client = tcp(s);
      const result = connects(client, at('0.0.0.0', portOf(listener(s))));
      return answers(result, (sys.getpeername(client) as sys.IPv4Address).address);
    },
  },
  {
    id: '210 IPv6',
    title: 'connect: to :: means loopback: connect; the peer’s address',
    expected: 'ok / ::1',
    needs: ['IPv6'],
    run: (s) => {
      const client = tcp(s, '::');
      const result = connects(client, at('::', portOf(listener(s, { address: '::1' }))));
      return answers(result, (sys.getpeername(client) as sys.IPv6Address).address);
    },
  },
  {
    id: '212',
    title: 'connect: a TCP listener to another listener',
    expected: 'EISCONN',
    run: (s) => connects(listener(s), nameOf(listener(s))),
  },
  {
    id: '213',
    title: 'connect: a bound TCP socket to its own address',
    expected: 'ok / ESTABLISHED',
    run: (s) => {
      const fd = bound(s);
      return answers(connects(fd, nameOf(fd)), stateOf(fd));
    },
  },
  {
    id: '214',
    title: 'connect: from address and port of a live connection (SO_REUSEADDR), to the same listener',
    expected: 'EADDRNOTAVAIL',
    run: (s) => {
      const { fd, client } = reusable(s);
      return connects(bound(s, { port: portOf(client), before: on(sys.SO_REUSEADDR) }), nameOf(fd));
    },
  },
  {
    id: '216',
    title: 'connect: from address and port of a live connection (SO_REUSEADDR), to another listener',
    expected: 'ok',
    run: (s) => {
      const { client } = reusable(s);
      return connects(bound(s, { port: portOf(client), before: on(sys.SO_REUSEADDR) }), nameOf(listener(s)));
    },
  },
  ...[sys.SHUT_RD, sys.SHUT_WR, sys.SHUT_RDWR].map((how): FactBody => {
    const name = ['SHUT_RD', 'SHUT_WR', 'SHUT_RDWR'][how] ?? '';
    return {
      id: `217 ${name}`,
      title: `connect: queue full (SYN_SENT), shutdown(${name}) of the client: what it polls`,
      expected: 'ERR|HUP',
      run: (s) => {
        const { client } = waitingClient(s);
        sys.shutdown(client, how);
        return pollText(client, 0);
      },
    };
  }),
];

/** A connection from a port that others may bind as well. */
function reusable(s: Scope): { fd: number; client: number } {
  const fd = listener(s);
  const client = connected(s, nameOf(fd), {
    before: (one) => {
      on(sys.SO_REUSEADDR)(one);
      sys.bind(one, at(LOOPBACK));
    },
  });
  accepted(s, fd);
  return { fd, client };
}

export const connectFacts = group('connect', facts);
