import * as sys from 'listenq/syscalls';
import { BlockedThread } from '../blocked-thread';
import { pollText } from '../events';
import { group, type FactBody } from '../fact';
import { answers, eventually, outcome } from '../outcome';
import type { Scope } from '../scope';
import {
  acceptNow,
  acceptOne,
  bound,
  connected,
  knocking,
  knockInTurn,
  listener,
  listenerAtFixedPort,
  nameOf,
  pendingError,
  portOf,
  queueOf,
  received,
  receivedSoon,
  stateOf,
} from '../sockets';
import { unixListener, unixName } from '../unix-sockets';
import { acceptInChild } from '../child';

function shutsDown(fd: number, how: number): string {
  return outcome(() => {
    sys.shutdown(fd, how);
  });
}

function canAccept(s: Scope, fd: number): string {
  return outcome(() => s.own(acceptNow(fd).fd));
}

const calls: FactBody[] = [
  {
    id: '165',
    title: 'shutdown: a closed descriptor',
    expected: 'EBADF',
    run: (s) => shutsDown(s.closed(), sys.SHUT_RD),
  },
  {
    id: '166',
    title: 'shutdown: a descriptor of a file',
    expected: 'ENOTSOCK',
    run: (s) => shutsDown(s.openFile('/dev/null'), sys.SHUT_RD),
  },
  {
    id: '168',
    title: 'shutdown: SHUT_WR of a TCP listener changes nothing: shutdown; accept of a later client',
    expected: 'ok / ok',
    run: (s) => {
      const fd = listener(s);
      const result = shutsDown(fd, sys.SHUT_WR);
      connected(s, nameOf(fd));
      return answers(result, acceptOne(s, fd));
    },
  },
  {
    id: '169',
    title: 'shutdown: SHUT_RD of a TCP listener: accept; a client; its state',
    expected: 'EINVAL / ECONNREFUSED / CLOSE',
    run: (s) => {
      const fd = listenerAtFixedPort(s);
      const name = nameOf(fd);
      sys.shutdown(fd, sys.SHUT_RD);
      const client = s.socket(sys.AF_INET, sys.SOCK_STREAM);
      const refused = outcome(() => {
        sys.connect(client, name);
      });
      return answers(canAccept(s, fd), refused, stateOf(fd));
    },
  },
  {
    id: '170',
    title: 'shutdown: SHUT_RD of a TCP listener keeps a port bound by number: bind of another socket',
    expected: 'EADDRINUSE',
    run: (s) => {
      const fd = listenerAtFixedPort(s);
      sys.shutdown(fd, sys.SHUT_RD);
      return outcome(() => bound(s, { port: portOf(fd) }));
    },
  },
  {
    id: '172',
    title: 'shutdown: SHUT_RD of a TCP listener with 2 connections queued: what the clients receive',
    expected: 'ECONNRESET / ECONNRESET',
    run: (s) => {
      const fd = listenerAtFixedPort(s);
      const clients = queued(s, fd, 2);
      sys.shutdown(fd, sys.SHUT_RD);
      return answers(...clients.map((client) => receivedSoon(client)));
    },
  },
  {
    id: '173',
    title: 'close: TCP listener with 2 connections queued: what the clients poll; what they receive',
    expected: 'ERR|HUP, ECONNRESET / ERR|HUP, ECONNRESET',
    run: (s) => {
      const fd = listener(s);
      const clients = queued(s, fd, 2);
      s.closeQuietly(fd);
      return answers(...clients.map((client) => `${pollText(client, 0, 2000)}, ${received(client)}`));
    },
  },
  {
    id: '174',
    title: 'close: TCP listener with a full queue, one client in SYN_SENT: that client, at its next SYN',
    expected: 'SYN_SENT, then ECONNREFUSED',
    slow: true,
    run: (s) => {
      const fd = listener(s, { backlog: 0 });
      const [, late] = knockInTurn(s, fd, 2) as [number, number];
      s.closeQuietly(fd);
      const before = stateOf(late);
      sys.poll([{ fd: late, events: sys.POLLOUT }], 10_000);
      return `${before}, then ${pendingError(late) === 111 ? 'ECONNREFUSED' : stateOf(late)}`;
    },
  },
  {
    id: '186',
    title: 'close: one of two copies of a TCP listener: a client; accept on the other copy',
    expected: 'ok / ok',
    run: (s) => {
      const fd = listener(s);
      const copy = s.own(sys.dup(fd));
      s.closeQuietly(fd);
      return answers(
        outcome(() => connected(s, nameOf(copy))),
        acceptOne(s, copy),
      );
    },
  },
  {
    id: '188',
    title: 'close: TCP listener that a child process has inherited: a later client is accepted by the child',
    expected: 'accepted',
    run: (s) => {
      const fd = listener(s);
      const child = acceptInChild(s, fd);
      const name = nameOf(fd);
      s.closeQuietly(fd);
      connected(s, name);
      return child;
    },
  },
];

function queued(s: Scope, fd: number, count: number): number[] {
  const clients = Array.from({ length: count }, () => connected(s, nameOf(fd)));
  eventually(() => queueOf(fd).waiting === count);
  return clients;
}

const blocked: FactBody[] = [
  {
    id: '176',
    title: 'shutdown: SHUT_RDWR while another thread blocks in accept',
    expected: 'EINVAL',
    run: (s) => {
      const fd = listener(s);
      const thread = new BlockedThread(s, 'accept', fd);
      sys.shutdown(fd, sys.SHUT_RDWR);
      return thread.outcome();
    },
  },
  {
    id: '177',
    title: 'shutdown: SHUT_WR while another thread blocks in accept; then a client',
    expected: 'still blocked / a connection',
    run: (s) => {
      const fd = listener(s);
      const thread = new BlockedThread(s, 'accept', fd);
      sys.shutdown(fd, sys.SHUT_WR);
      const before = thread.outcome(100);
      connected(s, nameOf(fd));
      return answers(before, thread.outcome());
    },
  },
  {
    id: '178',
    title: 'close: while another thread blocks in accept; then a client',
    expected: 'still blocked / a connection',
    run: (s) => {
      const fd = listener(s);
      const name = nameOf(fd);
      const thread = new BlockedThread(s, 'accept', fd);
      s.closeQuietly(fd);
      const before = thread.outcome(100);
      connected(s, name);
      return answers(before, thread.outcome());
    },
  },
  {
    id: '182',
    title: 'shutdown: SHUT_RD while another thread blocks in poll(POLLIN) on the listener',
    expected: 'HUP',
    run: (s) => {
      const fd = listener(s);
      const thread = new BlockedThread(s, 'poll', fd);
      sys.shutdown(fd, sys.SHUT_RD);
      return thread.outcome();
    },
  },
  {
    id: '184',
    title: 'accept: two threads blocked, one client: how many wake; then another client',
    expected: '1 / 2',
    run: (s) => {
      const fd = listener(s);
      const threads = [new BlockedThread(s, 'accept', fd), new BlockedThread(s, 'accept', fd)];
      const woken = (): number => threads.filter((thread) => thread.outcome(50) !== 'still blocked').length;
      connected(s, nameOf(fd));
      eventually(() => woken() >= 1);
      const first = woken();
      connected(s, nameOf(fd));
      eventually(() => woken() >= 2);
      return answers(first, woken());
    },
  },
  {
    id: '185',
    title: 'shutdown: SHUT_RD while two threads block in accept',
    expected: 'EINVAL / EINVAL',
    run: (s) => {
      const fd = listener(s);
      const threads = [new BlockedThread(s, 'accept', fd), new BlockedThread(s, 'accept', fd)];
      sys.shutdown(fd, sys.SHUT_RD);
      return answers(...threads.map((thread) => thread.outcome()));
    },
  },
];

const unix: FactBody[] = [
  {
    id: '189',
    title: 'shutdown: SHUT_RD of an AF_UNIX listener while another thread blocks in accept',
    expected: 'EINVAL',
    run: (s) => {
      const fd = unixListener(s);
      const thread = new BlockedThread(s, 'accept', fd);
      sys.shutdown(fd, sys.SHUT_RD);
      return thread.outcome();
    },
  },
  {
    id: '190',
    title: 'close: AF_UNIX listener while another thread blocks in accept; then a client',
    expected: 'still blocked / a connection',
    run: (s) => {
      const name = unixName();
      const fd = unixListener(s, name);
      const thread = new BlockedThread(s, 'accept', fd);
      s.closeQuietly(fd);
      const before = thread.outcome(100);
      knocking(s, name);
      return answers(before, thread.outcome());
    },
  },
  {
    id: '192',
    title: 'shutdown: SHUT_RD of an AF_UNIX listener with one client queued: accept still gives it',
    expected: 'ok',
    run: (s) => {
      const name = unixName();
      const fd = unixListener(s, name);
      knocking(s, name);
      sys.shutdown(fd, sys.SHUT_RD);
      return canAccept(s, fd);
    },
  },
  {
    id: '193',
    title: 'close: AF_UNIX listener with a client queued: what the client polls; receives; receives',
    expected: 'ERR|HUP / ECONNRESET / ',
    run: (s) => {
      const client = orphan(s);
      return answers(pollText(client, 0), received(client), received(client));
    },
  },
  {
    id: '194',
    title: 'close: AF_UNIX listener with a client queued: SO_ERROR of the client, twice',
    expected: '104 / 0',
    run: (s) => {
      const client = orphan(s);
      return answers(pendingError(client), pendingError(client));
    },
  },
];

/** A client whose listener was closed before it was accepted. */
function orphan(s: Scope): number {
  const name = unixName();
  const fd = unixListener(s, name);
  const client = knocking(s, name);
  s.closeQuietly(fd);
  return client;
}

export const shutdownCloseFacts = group('shutdown-close', [...calls, ...blocked, ...unix]);
