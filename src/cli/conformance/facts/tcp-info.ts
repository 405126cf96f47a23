import * as fs from 'node:fs';
import { connect, listen } from 'listenq';
import * as sys from 'listenq/syscalls';
import { tcpLines } from '../counters';
import { group, type FactBody } from '../fact';
import { answers, eventually } from '../outcome';
import {
  accepted,
  bound,
  connected,
  knockInTurn,
  listener,
  nameOf,
  portOf,
  queueText,
  receivedSoon,
  stateOf,
  tcp,
  trio,
} from '../sockets';

const O_RDWR = 2;
const O_ACCMODE = 3;

const facts: FactBody[] = [
  {
    id: '349',
    title: 'TCP_INFO: state of a socket new / bound / listening / after SHUT_RD',
    expected: 'CLOSE / CLOSE / LISTEN / CLOSE',
    run: (s) => {
      const fresh = stateOf(tcp(s));
      const fd = bound(s);
      const named = stateOf(fd);
      sys.listen(fd, 5);
      const listening = stateOf(fd);
      sys.shutdown(fd, sys.SHUT_RD);
      return answers(fresh, named, listening, stateOf(fd));
    },
  },
  {
    id: '350',
    title: 'TCP_INFO: state of a client new / connected / peer closed; of an accepted socket',
    expected: 'CLOSE / ESTABLISHED / CLOSE_WAIT / ESTABLISHED',
    run: (s) => {
      const fresh = stateOf(tcp(s));
      const { client, server } = trio(s);
      const [both, other] = [stateOf(client), stateOf(server)];
      s.closeQuietly(server);
      receivedSoon(client);
      return answers(fresh, both, stateOf(client), other);
    },
  },
  {
    id: '350 tcpInfo',
    title: 'TCP_INFO: Connection.tcpInfo(): state and SYNs sent again of both ends',
    expected: 'ESTABLISHED, 0 / ESTABLISHED, 0',
    run: (s) => {
      const server = s.use(listen({ host: '127.0.0.1', backlog: 5 }));
      const client = s.use(connect({ host: '127.0.0.1', port: (server.address() as sys.IPv4Address).port }));
      const ends = [client, s.use(server.accept({ timeoutMs: 2000 }))];
      return answers(...ends.map((end) => `${end.tcpInfo().state}, ${end.tcpInfo().totalRetransmits}`));
    },
  },
  {
    id: '352',
    title: 'TCP_INFO: of a listener into 300 bytes: how many are written',
    expected: '280',
    run: (s) => String(sys.getsockopt(listener(s), sys.IPPROTO_TCP, sys.TCP_INFO, 300).length),
  },
  {
    id: '353',
    title: 'TCP_INFO: into 0 / 1 / 32 bytes: how many are written',
    expected: '0 / 1 / 32',
    run: (s) => {
      const fd = listener(s);
      const written = (size: number): number =>
        sys.getsockopt(fd, sys.IPPROTO_TCP, sys.TCP_INFO, size).length;
      return answers(written(0), written(1), written(32));
    },
  },
  {
    id: '354',
    title: 'TCP_INFO: listener with 3 waiting, backlog 7: unacked/sacked; tx:rx of /proc/net/tcp',
    expected: '3/7; 0:3',
    run: (s) => {
      const fd = listener(s, { backlog: 7 });
      knockInTurn(s, fd, 3);
      const line = tcpLines().find(({ localPort, state }) => localPort === portOf(fd) && state === '0A');
      return `${queueText(fd)}; ${line?.queues ?? 'not listed'}`;
    },
  },
  {
    id: '358',
    title: 'TCP_INFO: a queued connection in /proc/net/tcp: state 01, inode / inode once accepted',
    expected: '0 / its own',
    run: (s) => {
      const fd = listener(s);
      connected(s, nameOf(fd));
      const inode = (): number =>
        tcpLines().find(({ localPort, state }) => localPort === portOf(fd) && state === '01')?.inode ?? -1;
      eventually(() => inode() >= 0);
      const before = inode();
      const server = accepted(s, fd);
      return answers(before, inode() === fs.fstatSync(server).ino ? 'its own' : inode());
    },
  },
  {
    id: '360',
    title:
      'TCP_SAVED_SYN: listener with TCP_SAVE_SYN: bytes at the first read of the accepted socket, at the second',
    expected: '60 / 0',
    run: (s) => {
      const { server } = trio(s, {
        before: (fd) => {
          sys.setsockopt(fd, sys.IPPROTO_TCP, sys.TCP_SAVE_SYN, 1);
        },
      });
      const saved = (): number => sys.getsockopt(server, sys.IPPROTO_TCP, sys.TCP_SAVED_SYN, 300).length;
      return answers(saved(), saved());
    },
  },
  {
    id: '361',
    title: 'fstat: a listener: access mode; kind and permissions; its name under /proc/self/fd',
    expected: 'O_RDWR; S_IFSOCK 777; socket:[inode]',
    run: (s) => {
      const fd = listener(s);
      const flags = parseInt(
        /^flags:\s*(\d+)/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0',
        8,
      );
      const stat = fs.fstatSync(fd);
      const access = (flags & O_ACCMODE) === O_RDWR ? 'O_RDWR' : String(flags & O_ACCMODE);
      const link = fs.readlinkSync(`/proc/self/fd/${fd}`).replace(String(stat.ino), 'inode');
      return `${access}; ${stat.isSocket() ? 'S_IFSOCK' : 'no socket'} ${(stat.mode & 0o777).toString(8)}; ${link}`;
    },
  },
];

export const tcpInfoFacts = group('tcp-info', facts);
