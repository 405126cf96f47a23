import * as sys from 'listenq/syscalls';
import { pollText } from '../events';
import { group, type FactBody } from '../fact';
import { answers, eventually } from '../outcome';
import {
  accepted,
  connected,
  knockInTurn,
  listener,
  nameOf,
  queueOf,
  sendText,
  stateOf,
  trio,
} from '../sockets';
import { unixKnock, unixListener, unixName, unixSocket } from '../unix-sockets';

const facts: FactBody[] = [
  {
    id: '364',
    title: 'poll: TCP listener empty / one waiting / accepted',
    expected: '0 / IN|RDNORM / 0',
    run: (s) => {
      const fd = listener(s);
      const empty = pollText(fd);
      connected(s, nameOf(fd));
      const one = pollText(fd, undefined, 2000);
      accepted(s, fd);
      return answers(empty, one, pollText(fd));
    },
  },
  {
    id: '365',
    title: 'poll: TCP listener with a full queue: nothing says so',
    expected: 'IN|RDNORM',
    run: (s) => {
      const fd = listener(s, { backlog: 1 });
      knockInTurn(s, fd, 3);
      return pollText(fd);
    },
  },
  {
    id: '366',
    title: 'poll: TCP listener asked for POLLOUT, one waiting: never writable',
    expected: '0',
    run: (s) => {
      const fd = listener(s);
      connected(s, nameOf(fd));
      eventually(() => queueOf(fd).waiting === 1);
      return pollText(fd, sys.POLLOUT);
    },
  },
  {
    id: '368',
    title: 'poll: AF_UNIX stream socket new / bound / listening / one waiting',
    expected: 'OUT|HUP|WRNORM|WRBAND / OUT|HUP|WRNORM|WRBAND / 0 / IN|RDNORM',
    run: (s) => {
      const fd = unixSocket(s);
      const fresh = pollText(fd);
      const name = unixName();
      sys.bind(fd, name);
      const bound = pollText(fd);
      sys.listen(fd, 5);
      const listening = pollText(fd);
      unixKnock(s, name);
      return answers(fresh, bound, listening, pollText(fd));
    },
  },
  {
    id: '368 emptied',
    title: 'poll: AF_UNIX listener after its queue was emptied',
    expected: '0',
    run: (s) => {
      const name = unixName();
      const fd = unixListener(s, name);
      unixKnock(s, name);
      accepted(s, fd);
      return pollText(fd);
    },
  },
  {
    id: '369',
    title: 'poll: accepted socket, nothing sent',
    expected: 'OUT|WRNORM',
    run: (s) => pollText(trio(s).server),
  },
  {
    id: '370',
    title: 'poll: accepted socket, peer has shut down writing',
    expected: 'IN|OUT|RDNORM|WRNORM|RDHUP',
    run: (s) => {
      const { client, server } = trio(s);
      sys.shutdown(client, sys.SHUT_WR);
      eventually(() => stateOf(server) === 'CLOSE_WAIT');
      return pollText(server);
    },
  },
  {
    id: '372',
    title: 'poll: both directions shut down',
    expected: 'IN|OUT|HUP|RDNORM|WRNORM|RDHUP',
    run: (s) => {
      const { server } = trio(s);
      sys.shutdown(server, sys.SHUT_RDWR);
      return pollText(server);
    },
  },
  {
    id: '373',
    title: 'poll: reset by the peer',
    expected: 'IN|OUT|ERR|HUP|RDNORM|WRNORM|RDHUP',
    run: (s) => {
      const { client, server } = trio(s);
      s.close(client);
      eventually(() => stateOf(server) === 'CLOSE');
      return pollText(server);
    },
  },
  {
    id: '374',
    title: 'poll: an urgent byte has come',
    expected: 'PRI|OUT|WRNORM',
    run: (s) => {
      const { client, server } = trio(s);
      sendText(client, '!', sys.MSG_OOB);
      sys.poll([{ fd: server, events: sys.POLLPRI }], 2000);
      return pollText(server);
    },
  },
  { id: '376', title: 'poll: a closed descriptor', expected: 'NVAL', run: (s) => pollText(s.closed()) },
  { id: '377', title: 'poll: descriptor -1 is passed over', expected: '0', run: () => pollText(-1) },
];

export const pollFacts = group('poll', facts);
