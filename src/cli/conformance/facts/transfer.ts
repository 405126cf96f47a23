import * as sys from 'listenq/syscalls';
import { BlockedThread } from '../blocked-thread';
import { group, type FactBody } from '../fact';
import { answer, answers, eventually, outcome } from '../outcome';
import {
  listener,
  received,
  receivedSoon,
  sendText,
  stateOf,
  tcp,
  timeval,
  trio,
  type Trio,
} from '../sockets';
import type { Scope } from '../scope';
import { unixListener } from '../unix-sockets';

function receives(fd: number, size = 8, flags = 0): string {
  return answer(() => sys.recv(fd, Buffer.alloc(size), flags));
}

function sends(fd: number, text = 'data'): string {
  return answer(() => sendText(fd, text));
}

function hasPeer(fd: number): string {
  return outcome(() => sys.getpeername(fd));
}

/** A connection with bytes from the client waiting at the server. */
function withData(s: Scope, text: string): Trio {
  const ends = trio(s);
  sendText(ends.client, text);
  sys.poll([{ fd: ends.server, events: sys.POLLIN }], 2000);
  return ends;
}

const unconnected: FactBody[] = [
  {
    id: '382',
    title: 'recv, send: a closed descriptor',
    expected: 'EBADF / EBADF',
    run: (s) => answers(receives(s.closed()), sends(s.closed())),
  },
  {
    id: '384',
    title: 'recv, send, getpeername: a TCP listener',
    expected: 'ENOTCONN / EPIPE / ENOTCONN',
    run: (s) => {
      const fd = listener(s);
      return answers(receives(fd), sends(fd), hasPeer(fd));
    },
  },
  {
    id: '385',
    title: 'recv, send, getpeername: an AF_UNIX listener',
    expected: 'EINVAL / ENOTCONN / ENOTCONN',
    run: (s) => {
      const fd = unixListener(s);
      return answers(receives(fd), sends(fd), hasPeer(fd));
    },
  },
  {
    id: '386',
    title: 'recv, recv of 0 bytes, send: a TCP socket that is not connected',
    expected: 'ENOTCONN / ENOTCONN / EPIPE',
    run: (s) => {
      const fd = tcp(s);
      return answers(receives(fd), receives(fd, 0), sends(fd));
    },
  },
];

const endings: FactBody[] = [
  {
    id: '393',
    title: 'send: after own shutdown(SHUT_WR)',
    expected: 'EPIPE',
    run: (s) => {
      const { client } = trio(s);
      sys.shutdown(client, sys.SHUT_WR);
      return sends(client);
    },
  },
  {
    id: '396',
    title: 'recv: peer closed with bytes unread',
    expected: 'ECONNRESET',
    run: (s) => {
      const { client, server } = withData(s, 'unread');
      s.closeQuietly(server);
      return receivedSoon(client);
    },
  },
  {
    id: '397',
    title: 'recv: peer closed with bytes unread, and bytes wait here: recv, recv',
    expected: 'mine / ECONNRESET',
    run: (s) => {
      const { client, server } = withData(s, 'unread');
      sendText(server, 'mine');
      sys.poll([{ fd: client, events: sys.POLLIN }], 2000);
      s.closeQuietly(server);
      eventually(() => stateOf(client) === 'CLOSE');
      return answers(received(client), received(client));
    },
  },
  {
    id: '398',
    title: 'send: peer closed: send; again once its RST has come; recv',
    expected: '4 / EPIPE / ',
    run: (s) => {
      const { client, server } = trio(s);
      s.closeQuietly(server);
      eventually(() => stateOf(client) === 'CLOSE_WAIT');
      const first = sends(client);
      eventually(() => stateOf(client) === 'CLOSE');
      return answers(first, sends(client), received(client));
    },
  },
  {
    id: '416',
    title: 'shutdown: SHUT_WR twice in FIN_WAIT; in TIME_WAIT',
    expected: 'ok, ok / ENOTCONN',
    needs: ['private network'],
    run: (s) => {
      const { client, server } = trio(s);
      const shut = (): string =>
        outcome(() => {
          sys.shutdown(client, sys.SHUT_WR);
        });
      const waiting = `${shut()}, ${shut()}`;
      s.closeQuietly(server);
      eventually(() => stateOf(client) === 'CLOSE');
      return answers(waiting, shut());
    },
  },
];

const waiting: FactBody[] = [
  {
    id: '392',
    title: 'recv: nothing waiting: MSG_DONTWAIT, O_NONBLOCK',
    expected: 'EAGAIN / EAGAIN',
    run: (s) => {
      const { server } = trio(s);
      const once = receives(server, 8, sys.MSG_DONTWAIT);
      sys.setNonblocking(server, true);
      return answers(once, receives(server));
    },
  },
  {
    id: '401',
    title:
      'recv: of 0 bytes with nothing waiting, SO_RCVTIMEO 100 ms: waits that long all the same, and says 0',
    expected: '0, in time',
    run: (s) => timed(s, 0),
  },
  {
    id: '410',
    title: 'recv: SO_RCVTIMEO 100 ms',
    expected: 'EAGAIN, in time',
    run: (s) => timed(s, 8),
  },
  {
    id: '412',
    title: 'close: while another thread blocks in recv; then the peer sends',
    expected: 'still blocked / 4',
    run: (s) => {
      const { client, server } = trio(s);
      const thread = new BlockedThread(s, 'recv', server);
      s.closeQuietly(server);
      const before = thread.outcome(100);
      sendText(client, 'data');
      return answers(before, thread.outcome());
    },
  },
  {
    id: '413',
    title: 'shutdown: SHUT_RD while another thread blocks in recv',
    expected: '0',
    run: (s) => {
      const { server } = trio(s);
      const thread = new BlockedThread(s, 'recv', server);
      sys.shutdown(server, sys.SHUT_RD);
      return thread.outcome();
    },
  },
  {
    id: '414',
    title: 'send: 64 MB, non-blocking: some of it',
    expected: 'more than 0, less than all',
    run: (s) => {
      const { client } = trio(s);
      sys.setNonblocking(client, true);
      const sent = sys.send(client, Buffer.alloc(64 << 20));
      return sent > 0 && sent < 64 << 20 ? 'more than 0, less than all' : String(sent);
    },
  },
];

/** A recv that SO_RCVTIMEO ends. */
function timed(s: Scope, size: number): string {
  const { server } = trio(s);
  sys.setsockopt(server, sys.SOL_SOCKET, sys.SO_RCVTIMEO, timeval(100));
  const start = performance.now();
  const result = receives(server, size);
  return `${result}, ${performance.now() - start >= 90 ? 'in time' : 'too soon'}`;
}

const flags: FactBody[] = [
  {
    id: '390',
    title: 'recv: MSG_OOB without urgent data',
    expected: 'EINVAL',
    run: (s) => receives(trio(s).server, 8, sys.MSG_OOB),
  },
  {
    id: '400',
    title: 'send: of 0 bytes; what the peer receives',
    expected: '0 / EAGAIN',
    run: (s) => {
      const { client, server } = trio(s);
      return answers(sends(client, ''), received(server));
    },
  },
  {
    id: '402',
    title: 'recv: MSG_PEEK three times, then recv, then recv',
    expected: '5 / 5 / 5 / 5 / EAGAIN',
    run: (s) => {
      const { server } = withData(s, 'hello');
      const peek = (): string => receives(server, 8, sys.MSG_PEEK);
      return answers(peek(), peek(), peek(), receives(server), receives(server, 8, sys.MSG_DONTWAIT));
    },
  },
  {
    id: '404',
    title: 'recv: MSG_TRUNC of 50 with 100 waiting: returned; buffer; the next recv',
    expected: '50 / untouched / 50',
    run: (s) => {
      const { server } = withData(s, 'x'.repeat(100));
      const buffer = Buffer.alloc(50);
      const count = sys.recv(server, buffer, sys.MSG_TRUNC);
      return answers(
        count,
        buffer.every((byte) => byte === 0) ? 'untouched' : 'written',
        receives(server, 100),
      );
    },
  },
  {
    id: '405',
    title: 'recv: MSG_TRUNC|MSG_PEEK of 50 with 100 waiting: returned; the next recv',
    expected: '50 / 100',
    run: (s) => {
      const { server } = withData(s, 'x'.repeat(100));
      return answers(receives(server, 50, sys.MSG_TRUNC | sys.MSG_PEEK), receives(server, 200));
    },
  },
  {
    id: '406',
    title: 'send: 3 bytes with MSG_OOB: the peer receives; receives MSG_OOB',
    expected: 'ab / c',
    run: (s) => {
      const { client, server } = trio(s);
      sendText(client, 'abc', sys.MSG_OOB);
      sys.poll([{ fd: server, events: sys.POLLPRI }], 2000);
      const stream = received(server);
      const urgent = Buffer.alloc(8);
      return answers(stream, urgent.toString('latin1', 0, sys.recv(server, urgent, sys.MSG_OOB)));
    },
  },
];

export const transferFacts = group('transfer', [...unconnected, ...endings, ...waiting, ...flags]);
