import * as sys from 'listenq/syscalls';
import { group, type FactBody } from '../fact';
import { answers, eventually, outcome } from '../outcome';
import { bound, stateOf, tcp, trio } from '../sockets';

function hasPeer(fd: number): string {
  return outcome(() => sys.getpeername(fd));
}

/** linux/netfilter_ipv4.h */
const SO_ORIGINAL_DST = 80;

const facts: FactBody[] = [
  {
    id: '442',
    title: 'getsockname, getpeername: a closed descriptor',
    expected: 'EBADF / EBADF',
    run: (s) =>
      answers(
        outcome(() => sys.getsockname(s.closed())),
        hasPeer(s.closed()),
      ),
  },
  {
    id: '444',
    title: 'getpeername: a TCP socket that is bound and not connected',
    expected: 'ENOTCONN',
    run: (s) => hasPeer(bound(s)),
  },
  {
    id: '446',
    title: 'getsockname: a TCP/IPv4 socket that was never bound',
    expected: '0.0.0.0:0',
    run: (s) => {
      const { address, port } = sys.getsockname(tcp(s)) as sys.IPv4Address;
      return `${address}:${port}`;
    },
  },
  {
    id: '448',
    title: 'getpeername: the peer has closed: state, getpeername',
    expected: 'CLOSE_WAIT / ok',
    run: (s) => {
      const { client, server } = trio(s);
      s.closeQuietly(client);
      eventually(() => stateOf(server) === 'CLOSE_WAIT');
      return answers(stateOf(server), hasPeer(server));
    },
  },
  {
    id: '449',
    title: 'getpeername: own shutdown(SHUT_RDWR), and the peer has closed',
    expected: 'ENOTCONN',
    run: (s) => {
      const { client, server } = trio(s);
      s.closeQuietly(client);
      eventually(() => stateOf(server) === 'CLOSE_WAIT');
      sys.shutdown(server, sys.SHUT_RDWR);
      eventually(() => stateOf(server) === 'CLOSE');
      return hasPeer(server);
    },
  },
  {
    id: '450',
    title: 'getsockopt: SO_ORIGINAL_DST of a connection that nobody redirected',
    expected: 'none',
    run: (s) => {
      const seen = outcome(() => sys.getsockopt(trio(s).server, sys.IPPROTO_IP, SO_ORIGINAL_DST));
      // Which of the two depends on whether connection tracking is loaded.
      return seen === 'ENOENT' || seen === 'ENOPROTOOPT' ? 'none' : seen;
    },
  },
];

export const nameFacts = group('names', facts);
