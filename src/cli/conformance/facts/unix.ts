import * as fs from 'node:fs';
import * as path from 'node:path';
import { listen } from 'listenq';
import * as sys from 'listenq/syscalls';
import { BlockedThread } from '../blocked-thread';
import { pollText } from '../events';
import { group, type FactBody } from '../fact';
import { connectFromAnotherNetwork, listenInChild } from '../child';
import { answer, answers, outcome } from '../outcome';
import type { Scope } from '../scope';
import { accepted, acceptOne, knocking, received, sendText, words } from '../sockets';
import { unixKnock, unixKnocks, unixListener, unixName, unixSocket } from '../unix-sockets';

const { SOCK_STREAM: STREAM, SOCK_SEQPACKET: SEQPACKET } = sys;

function admits(id: string, type: number, backlog: number, clients: number): FactBody {
  return {
    id,
    title: `AF_UNIX ${type === STREAM ? 'stream' : 'seqpacket'}: backlog ${backlog}, ${clients} non-blocking connects`,
    expected: `${backlog + 1} ok, ${clients - backlog - 1} EAGAIN`,
    run: (s) => {
      const name = unixName();
      unixListener(s, name, backlog, type);
      return unixKnocks(s, name, clients, type);
    },
  };
}

/** A listener with backlog 0 and one client in its queue. */
function full(s: Scope): { name: sys.UnixAddress; fd: number } {
  const name = unixName();
  const fd = unixListener(s, name, 0);
  knocking(s, name);
  return { name, fd };
}

const queues: FactBody[] = [
  admits('312', STREAM, 0, 5),
  admits('313', STREAM, 1, 6),
  admits('314', STREAM, 5, 10),
  admits('316', SEQPACKET, 1, 6),
  admits('317', SEQPACKET, 5, 10),
  {
    id: '318',
    title: 'AF_UNIX stream: queue full, a blocking connect: waits until an accept makes room',
    expected: 'still blocked / connected',
    run: (s) => {
      const { name, fd } = full(s);
      const thread = new BlockedThread(s, 'connect', unixSocket(s), name.path);
      const before = thread.outcome(100);
      acceptOne(s, fd);
      return answers(before, thread.outcome());
    },
  },
  {
    id: '320',
    title: 'AF_UNIX stream: queue full, a client blocked in connect; listen with a larger backlog',
    expected: 'still blocked / connected',
    run: (s) => {
      const { name, fd } = full(s);
      const thread = new BlockedThread(s, 'connect', unixSocket(s), name.path);
      const before = thread.outcome(100);
      sys.listen(fd, 5);
      return answers(before, thread.outcome());
    },
  },
  {
    id: '321',
    title: 'AF_UNIX stream: a client blocked in connect; the listener is closed',
    expected: 'ECONNREFUSED',
    run: (s) => {
      const { name, fd } = full(s);
      const thread = new BlockedThread(s, 'connect', unixSocket(s), name.path);
      s.closeQuietly(fd);
      return thread.outcome();
    },
  },
  {
    id: '322',
    title: 'AF_UNIX stream: queue full, EAGAIN: poll cannot wait for room',
    expected: 'EAGAIN / OUT|HUP|WRNORM|WRBAND',
    run: (s) => {
      const { name } = full(s);
      const client = unixSocket(s, STREAM | sys.SOCK_NONBLOCK);
      const result = outcome(() => {
        sys.connect(client, name);
      });
      return answers(result, pollText(client));
    },
  },
  {
    id: '2.1 unix queue',
    title: 'AF_UNIX stream: backlog 5, 3 clients: queue() by the socket diagnostics',
    expected: '3/5, drops undefined',
    run: (s) => {
      const name = unixName();
      const server = s.use(listen({ path: name.path, backlog: 5 }));
      unixKnocks(s, name, 3);
      const { length, limit, drops } = server.queue();
      return `${length}/${limit}, drops ${drops}`;
    },
  },
  {
    id: '470',
    title: 'AF_UNIX stream: 5 refused connects: word 8 of SO_MEMINFO',
    expected: '0',
    run: (s) => {
      const { name, fd } = full(s);
      unixKnocks(s, name, 5);
      return String(words(sys.getsockopt(fd, sys.SOL_SOCKET, sys.SO_MEMINFO))[8]);
    },
  },
];

/** A client that did something and is gone before the server accepts. */
function hurried(s: Scope, act: (client: number) => void): number {
  const name = unixName();
  const fd = unixListener(s, name);
  const client = knocking(s, name);
  act(client);
  s.closeQuietly(client);
  return accepted(s, fd);
}

const connections: FactBody[] = [
  {
    id: '324',
    title: 'AF_UNIX stream: client closed before accept: accept; recv is end of stream',
    expected: 'ok / ',
    run: (s) => answers('ok', received(hurried(s, () => undefined))),
  },
  {
    id: '325',
    title: 'AF_UNIX stream: client wrote and closed before accept: recv, recv',
    expected: 'data / ',
    run: (s) => {
      const server = hurried(s, (client) => sendText(client, 'data'));
      return answers(received(server), received(server));
    },
  },
  {
    id: '326',
    title: 'AF_UNIX stream: client may write before accept: send',
    expected: '4',
    run: (s) => {
      const name = unixName();
      unixListener(s, name);
      const client = knocking(s, name);
      return answer(() => sendText(client, 'data'));
    },
  },
  {
    id: '328',
    title: 'AF_UNIX: seqpacket client to a stream listener',
    expected: 'ECONNREFUSED',
    run: (s) => {
      const name = unixName();
      unixListener(s, name);
      return unixKnock(s, name, SEQPACKET);
    },
  },
  {
    id: '329',
    title: 'AF_UNIX: client to a socket that is bound and does not listen',
    expected: 'ECONNREFUSED',
    run: (s) => {
      const name = unixName();
      sys.bind(unixSocket(s), name);
      return unixKnock(s, name);
    },
  },
  {
    id: '330',
    title: 'AF_UNIX: client to a path that is a folder / a plain file',
    expected: 'ECONNREFUSED / ECONNREFUSED',
    run: (s) => {
      const file = s.path('file');
      fs.writeFileSync(file, '');
      const knock = (name: string): string => unixKnock(s, { family: 'unix', path: name });
      return answers(knock(path.dirname(file)), knock(file));
    },
  },
  {
    id: '332',
    title: 'AF_UNIX: a listener connects to itself',
    expected: 'EINVAL',
    run: (s) => {
      const name = unixName();
      const fd = unixListener(s, name);
      return outcome(() => {
        sys.connect(fd, name);
      });
    },
  },
  {
    id: '333',
    title: 'AF_UNIX: a connected client connects again',
    expected: 'EISCONN',
    run: (s) => {
      const name = unixName();
      unixListener(s, name);
      const client = knocking(s, name);
      return outcome(() => {
        sys.connect(client, name);
      });
    },
  },
];

const names: FactBody[] = [
  {
    id: '334',
    title: 'AF_UNIX: listener closed, its file left: bind there, connect',
    expected: 'EADDRINUSE / ECONNREFUSED',
    run: (s) => {
      const name: sys.UnixAddress = { family: 'unix', path: s.path('left') };
      s.closeQuietly(unixListener(s, name));
      return answers(
        outcome(() => unixListener(s, name)),
        unixKnock(s, name),
      );
    },
  },
  {
    id: '336',
    title: 'AF_UNIX: autobind: the name, and a client to it',
    expected: 'abstract, 5 hex digits / ok',
    run: (s) => {
      const fd = unixListener(s, { family: 'unix', path: '' });
      const name = sys.getsockname(fd) as sys.UnixAddress;
      const hex = /^\0[0-9a-f]{5}$/.test(name.path);
      return answers(hex ? 'abstract, 5 hex digits' : JSON.stringify(name.path), unixKnock(s, name));
    },
  },
  {
    id: '337',
    title: 'AF_UNIX: bound socket binds another path: bind; the second file',
    expected: 'EINVAL / not there',
    run: (s) => {
      const fd = unixSocket(s);
      const [first, second] = [s.path('first'), s.path('second')];
      sys.bind(fd, { family: 'unix', path: first });
      const again = outcome(() => {
        sys.bind(fd, { family: 'unix', path: second });
      });
      return answers(again, fs.existsSync(second) ? 'there' : 'not there');
    },
  },
  {
    id: '338',
    title: 'AF_UNIX: bind to a path through a plain file',
    expected: 'ENOTDIR',
    run: (s) => {
      fs.writeFileSync(s.path('file'), '');
      const fd = unixSocket(s);
      return outcome(() => {
        sys.bind(fd, { family: 'unix', path: s.path('file/socket') });
      });
    },
  },
  {
    id: '340',
    title: 'AF_UNIX: fchmod 0600 on the socket before bind: mode of the file',
    expected: '0600',
    run: (s) => {
      const fd = unixSocket(s);
      fs.fchmodSync(fd, 0o600);
      sys.bind(fd, { family: 'unix', path: s.path('private') });
      return `0${(fs.statSync(s.path('private')).mode & 0o777).toString(8)}`;
    },
  },
  {
    id: '345',
    title: 'AF_UNIX: bound socket binds its own name again',
    expected: 'EINVAL',
    run: (s) => {
      const fd = unixSocket(s);
      const name = unixName();
      sys.bind(fd, name);
      return outcome(() => {
        sys.bind(fd, name);
      });
    },
  },
  {
    id: '346',
    title: 'AF_UNIX: open(2) of a socket file',
    expected: 'ENXIO',
    run: (s) => {
      unixListener(s, { family: 'unix', path: s.path('socket') });
      try {
        return `opened ${s.openFile(s.path('socket'))}`;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code ?? String(error);
      }
    },
  },
];

/** Process id of struct ucred. */
function peerProcess(fd: number): number {
  return words(sys.getsockopt(fd, sys.SOL_SOCKET, sys.SO_PEERCRED))[0] ?? 0;
}

const views: FactBody[] = [
  {
    id: '341',
    title: 'AF_UNIX: SO_PEERCRED of an accepted socket: the process that connected',
    expected: 'it',
    run: (s) => {
      const name = unixName();
      const fd = unixListener(s, name);
      knocking(s, name);
      return peerProcess(accepted(s, fd)) === process.pid ? 'it' : 'another';
    },
  },
  {
    id: '342',
    title: 'AF_UNIX: SO_PEERCRED of a client: the process that called listen, though another accepts',
    expected: 'the one that called listen',
    run: async (s) => {
      const name = unixName();
      const fd = unixSocket(s);
      sys.bind(fd, name);
      const child = await listenInChild(s, fd);
      const client = knocking(s, name);
      acceptOne(s, fd);
      const seen = peerProcess(client);
      return seen === child
        ? 'the one that called listen'
        : seen === process.pid
          ? 'the one that accepted'
          : 'another';
    },
  },
  {
    id: '344',
    title: 'AF_UNIX: getsockopt(TCP_INFO) of a listener',
    expected: 'EOPNOTSUPP',
    run: (s) => {
      const fd = unixListener(s);
      return outcome(() => sys.getsockopt(fd, sys.IPPROTO_TCP, sys.TCP_INFO));
    },
  },
  {
    id: '348',
    title: 'AF_UNIX: an abstract name, a client in this network namespace / in another one',
    expected: 'ok / ECONNREFUSED',
    needs: ['private network'],
    run: async (s) => {
      const name = unixName();
      unixListener(s, name);
      return answers(unixKnock(s, name), await connectFromAnotherNetwork(s, name.path));
    },
  },
  {
    id: '356',
    title: 'AF_UNIX: listener with 3 waiting in /proc/net/unix: its flags; lines of inode 0 with its name',
    expected: '00010000 / 3',
    run: (s) => {
      const name = unixName();
      unixListener(s, name);
      unixKnocks(s, name, 3);
      const lines = unixLines(`@${name.path.slice(1)}`);
      const own = lines.find(([, , , flags]) => flags === '00010000');
      return answers(own?.[3] ?? 'none', lines.filter(([, , , , , , inode]) => inode === '0').length);
    },
  },
];

/** The lines of /proc/net/unix that have the name, in fields. */
function unixLines(shownName: string): string[][] {
  const lines = fs.readFileSync('/proc/thread-self/net/unix', 'utf8').split('\n');
  return lines.filter((line) => line.endsWith(shownName)).map((line) => line.trim().split(/\s+/));
}

export const unixFacts = group('unix', [...queues, ...connections, ...names, ...views]);
