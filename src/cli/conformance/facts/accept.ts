import * as fs from 'node:fs';
import * as sys from 'listenq/syscalls';
import { BlockedThread } from '../blocked-thread';
import { group, type FactBody } from '../fact';
import { answers, eventually, outcome } from '../outcome';
import type { Scope } from '../scope';
import {
  accepted,
  acceptNow,
  acceptOne,
  bound,
  connected,
  listener,
  nameOf,
  portOf,
  queueOf,
  received,
  receivedSoon,
  sendText,
  stateOf,
  tcp,
  timeval,
  trio,
} from '../sockets';
import { unixName, unixSocket } from '../unix-sockets';

const O_PATH = 0o10000000;
const O_APPEND = 0o2000;
const O_CLOEXEC = 0o2000000;

function refuses(
  id: string,
  what: string,
  expected: string,
  make: (s: Scope) => number,
  flags = 0,
): FactBody {
  return {
    id,
    title: `accept: ${what}`,
    expected,
    run: (s) => {
      const fd = make(s);
      return outcome(() => s.own(sys.accept(fd, flags).fd));
    },
  };
}

function nonblockingListener(s: Scope): number {
  const fd = listener(s);
  sys.setNonblocking(fd, true);
  return fd;
}

const refusals: FactBody[] = [
  refuses('112', 'a closed descriptor', 'EBADF', (s) => s.closed()),
  refuses('113', 'a descriptor of /dev/null', 'ENOTSOCK', (s) => s.openFile('/dev/null')),
  refuses('114', 'a descriptor of a folder', 'ENOTSOCK', (s) => s.openFile('/')),
  refuses('120', 'an O_PATH descriptor', 'EBADF', (s) => s.openFile('/dev/null', O_PATH)),
  refuses('121', 'a TCP socket that is bound and does not listen', 'EINVAL', (s) => bound(s)),
  refuses('122', 'a TCP socket that was never bound', 'EINVAL', (s) => tcp(s)),
  refuses('124', 'a connected TCP socket', 'EINVAL', (s) => trio(s).client),
  refuses('125', 'a UDP socket', 'EOPNOTSUPP', (s) => s.socket(sys.AF_INET, sys.SOCK_DGRAM)),
  refuses('126', 'an AF_UNIX stream socket that was never bound', 'EINVAL', (s) => unixSocket(s)),
  refuses('126 bound', 'an AF_UNIX stream socket that is bound and does not listen', 'EINVAL', (s) => {
    const fd = unixSocket(s);
    sys.bind(fd, unixName());
    return fd;
  }),
  refuses('128', 'one end of an AF_UNIX stream pair', 'EINVAL', (s) => {
    const [a, b] = sys.socketpair(sys.AF_UNIX, sys.SOCK_STREAM | sys.SOCK_CLOEXEC);
    s.own(b);
    return s.own(a);
  }),
  refuses('129', 'a non-blocking listener with an empty queue', 'EAGAIN', nonblockingListener),
  refuses('133', 'flags 1, a bit that means nothing', 'EINVAL', nonblockingListener, 1),
  refuses(
    '134',
    'flags SOCK_NONBLOCK|SOCK_CLOEXEC|O_APPEND',
    'EINVAL',
    nonblockingListener,
    sys.SOCK_NONBLOCK | sys.SOCK_CLOEXEC | O_APPEND,
  ),
];

/** A client that connected and was reset while it waited. */
function resetInQueue(s: Scope): number {
  const fd = listener(s);
  const client = connected(s, nameOf(fd));
  eventually(() => queueOf(fd).waiting === 1);
  s.close(client);
  return fd;
}

const shortage: FactBody[] = [
  {
    id: '140',
    title: 'accept: descriptor table full, one client waiting: accept; waiting; accept with room again',
    expected: 'EMFILE; 1; ok',
    run: (s) => {
      const fd = listener(s);
      connected(s, nameOf(fd));
      eventually(() => queueOf(fd).waiting === 1);
      const before = sys.getrlimit(sys.RLIMIT_NOFILE);
      s.limitDescriptors(0);
      const full = outcome(() => s.own(sys.accept(fd, sys.SOCK_CLOEXEC).fd));
      sys.setrlimit(sys.RLIMIT_NOFILE, before);
      return `${full}; ${queueOf(fd).waiting}; ${acceptOne(s, fd)}`;
    },
  },
  {
    id: '141',
    title: 'accept: descriptor table full, blocking listener with an empty queue: does not block',
    expected: 'EMFILE',
    run: (s) => {
      const fd = listener(s);
      s.limitDescriptors(0);
      return outcome(() => s.own(sys.accept(fd, sys.SOCK_CLOEXEC).fd));
    },
  },
];

const connections: FactBody[] = [
  {
    id: '130',
    title: 'accept: blocking listener with an empty queue, flag SOCK_NONBLOCK: blocks all the same',
    expected: 'still blocked / a connection',
    run: (s) => {
      const fd = listener(s);
      const thread = new BlockedThread(s, 'accept', fd);
      const before = thread.outcome(100);
      connected(s, nameOf(fd));
      return answers(before, thread.outcome());
    },
  },
  {
    id: '132',
    title: 'accept: listener with SO_RCVTIMEO 200 ms: that of the accepted socket',
    expected: '200 ms',
    run: (s) => {
      const set = (fd: number): void => {
        sys.setsockopt(fd, sys.SOL_SOCKET, sys.SO_RCVTIMEO, timeval(200));
      };
      const value = sys.getsockopt(trio(s, { before: set }).server, sys.SOL_SOCKET, sys.SO_RCVTIMEO);
      return value.equals(timeval(200)) ? '200 ms' : value.toString('hex');
    },
  },
  {
    id: '136',
    title:
      'accept: listener O_NONBLOCK and FD_CLOEXEC, no flags: O_NONBLOCK, FD_CLOEXEC of the new descriptor',
    expected: 'false / false',
    run: (s) => {
      const fd = nonblockingListener(s);
      connected(s, nameOf(fd));
      const server = accepted(s, fd, 0);
      const flags = /^flags:\s*(\d+)/m.exec(fs.readFileSync(`/proc/self/fdinfo/${server}`, 'utf8'));
      return answers(sys.getNonblocking(server), (parseInt(flags?.[1] ?? '0', 8) & O_CLOEXEC) !== 0);
    },
  },
  {
    id: '142',
    title: 'accept: client that was reset in the queue: accept; its address is the client’s',
    expected: 'ok; true',
    run: (s) => {
      const fd = listener(s);
      const client = connected(s, nameOf(fd));
      const port = portOf(client);
      eventually(() => queueOf(fd).waiting === 1);
      s.close(client);
      const { fd: server, address } = acceptNow(fd);
      s.own(server);
      return `ok; ${(address as sys.IPv4Address).port === port}`;
    },
  },
  {
    id: '144',
    title: 'accept: client that was reset in the queue: first recv, second recv',
    expected: 'ECONNRESET / ',
    run: (s) => {
      const server = accepted(s, resetInQueue(s));
      return answers(receivedSoon(server), received(server));
    },
  },
  {
    id: '145',
    title: 'accept: client that was reset in the queue still takes a place: waiting',
    expected: '1',
    run: (s) => String(queueOf(resetInQueue(s)).waiting),
  },
  {
    id: '146',
    title: 'accept: client sent 3 bytes and closed before: recv, recv',
    expected: 'abc / ',
    run: (s) => {
      const fd = listener(s);
      const client = connected(s, nameOf(fd));
      sendText(client, 'abc');
      s.closeQuietly(client);
      const server = accepted(s, fd);
      eventually(() => stateOf(server) === 'CLOSE_WAIT');
      return answers(received(server), received(server));
    },
  },
  {
    id: '148',
    title: 'accept: three clients in turn: first come, first served',
    expected: 'in order',
    run: (s) => {
      const fd = listener(s);
      const clients = [0, 1, 2].map(() => {
        const client = connected(s, nameOf(fd));
        return portOf(client);
      });
      eventually(() => queueOf(fd).waiting === 3);
      const served = clients.map(() => (sys.getpeername(accepted(s, fd)) as sys.IPv4Address).port);
      return String(served) === String(clients)
        ? 'in order'
        : `${String(clients)} came, ${String(served)} were served`;
    },
  },
  {
    id: '149',
    title:
      'accept: listener on 0.0.0.0, client to 127.0.0.9: the accepted socket’s own address, its port the listener’s',
    expected: '127.0.0.9 / true',
    run: (s) => {
      const fd = listener(s, { address: '0.0.0.0' });
      connected(s, { family: 'IPv4', address: '127.0.0.9', port: portOf(fd) });
      const own = nameOf(accepted(s, fd));
      return answers(own.address, own.port === portOf(fd));
    },
  },
  {
    id: '150',
    title: 'accept: names and peers of both ends are each other’s',
    expected: 'true / true',
    run: (s) => {
      const { client, server } = trio(s);
      const same = (a: sys.Address, b: sys.Address): boolean => JSON.stringify(a) === JSON.stringify(b);
      return answers(
        same(sys.getsockname(client), sys.getpeername(server)),
        same(sys.getsockname(server), sys.getpeername(client)),
      );
    },
  },
];

export const acceptFacts = group('accept', [...refusals, ...shortage, ...connections]);
