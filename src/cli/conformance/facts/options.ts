import * as sys from 'listenq/syscalls';
import { asNobody } from '../as-user';
import { group, type FactBody } from '../fact';
import { answer, answers, outcome } from '../outcome';
import { receivedSoon, tcp, trio } from '../sockets';

const { SOL_SOCKET, IPPROTO_TCP, IPPROTO_IP } = sys;
const NO_SUCH_LEVEL = 500;
const NO_SUCH_OPTION = -1;

function gets(fd: number, level: number, option: number): string {
  return answer(() => sys.getsockoptInt(fd, level, option));
}

function sets(fd: number, level: number, option: number, value: number | Buffer = 1): string {
  return outcome(() => {
    sys.setsockopt(fd, level, option, value);
  });
}

function unknown(id: string, what: string, level: number, expected: string): FactBody {
  return {
    id,
    title: `getsockopt, setsockopt: ${what}`,
    expected,
    run: (s) => {
      const fd = tcp(s);
      return answers(gets(fd, level, NO_SUCH_OPTION), sets(fd, level, NO_SUCH_OPTION));
    },
  };
}

const facts: FactBody[] = [
  {
    id: '417',
    title: 'getsockopt, setsockopt: a closed descriptor',
    expected: 'EBADF / EBADF',
    run: (s) =>
      answers(gets(s.closed(), SOL_SOCKET, sys.SO_TYPE), sets(s.closed(), SOL_SOCKET, sys.SO_REUSEADDR)),
  },
  {
    id: '418',
    title: 'getsockopt, setsockopt: a descriptor of /dev/null',
    expected: 'ENOTSOCK / ENOTSOCK',
    run: (s) => {
      const fd = s.openFile('/dev/null');
      return answers(gets(fd, SOL_SOCKET, sys.SO_TYPE), sets(fd, SOL_SOCKET, sys.SO_REUSEADDR));
    },
  },
  {
    id: '420',
    title: 'setsockopt: a value of 0 bytes',
    expected: 'EINVAL',
    run: (s) => sets(tcp(s), SOL_SOCKET, sys.SO_REUSEADDR, Buffer.alloc(0)),
  },
  unknown('422', 'a level that does not exist', NO_SUCH_LEVEL, 'EOPNOTSUPP / ENOPROTOOPT'),
  unknown('424', 'IP option -1', IPPROTO_IP, 'ENOPROTOOPT / ENOPROTOOPT'),
  unknown('425', 'TCP option -1', IPPROTO_TCP, 'ENOPROTOOPT / ENOPROTOOPT'),
  {
    id: '426',
    title: 'getsockopt: SOL_SOCKET option -1',
    expected: 'ENOPROTOOPT',
    run: (s) => gets(tcp(s), SOL_SOCKET, NO_SUCH_OPTION),
  },
  {
    id: '428',
    title: 'setsockopt: SO_ACCEPTCONN',
    expected: 'ENOPROTOOPT',
    run: (s) => sets(tcp(s), SOL_SOCKET, sys.SO_ACCEPTCONN),
  },
  {
    id: '429',
    title: 'getsockopt: TCP_KEEPIDLE 33 into 1 byte',
    expected: '1 byte: 33',
    run: (s) => {
      const fd = tcp(s);
      sys.setsockopt(fd, IPPROTO_TCP, sys.TCP_KEEPIDLE, 33);
      const value = sys.getsockopt(fd, IPPROTO_TCP, sys.TCP_KEEPIDLE, 1);
      return `${value.length} byte: ${value[0]}`;
    },
  },
  {
    id: '430',
    title: 'setsockopt: SO_RCVBUF 100000: reads',
    expected: '200000',
    run: (s) => {
      const fd = tcp(s);
      sys.setsockopt(fd, SOL_SOCKET, sys.SO_RCVBUF, 100_000);
      return gets(fd, SOL_SOCKET, sys.SO_RCVBUF);
    },
  },
  {
    id: '432',
    title: 'TCP_MAXSEG: unset reads / set 10 / set 75000',
    expected: '536 / EINVAL / EINVAL',
    run: (s) => {
      const fd = tcp(s);
      return answers(
        gets(fd, IPPROTO_TCP, sys.TCP_MAXSEG),
        sets(fd, IPPROTO_TCP, sys.TCP_MAXSEG, 10),
        sets(fd, IPPROTO_TCP, sys.TCP_MAXSEG, 75_000),
      );
    },
  },
  {
    id: '433',
    title: 'TCP_USER_TIMEOUT: set -1',
    expected: 'EINVAL',
    run: (s) => sets(tcp(s), IPPROTO_TCP, sys.TCP_USER_TIMEOUT, -1),
  },
  {
    id: '434',
    title: 'TCP_SYNCNT: unset reads tcp_syn_retries 6 / set 0 / 127 / 128',
    expected: '6 / EINVAL / ok / EINVAL',
    needs: ['private network'],
    run: (s) => {
      s.sysctl('net.ipv4.tcp_syn_retries', 6);
      const fd = tcp(s);
      const set = (value: number): string => sets(fd, IPPROTO_TCP, sys.TCP_SYNCNT, value);
      return answers(gets(fd, IPPROTO_TCP, sys.TCP_SYNCNT), set(0), set(127), set(128));
    },
  },
  {
    id: '436',
    title: 'TCP_CONGESTION: a name that does not exist',
    expected: 'ENOENT',
    run: (s) => sets(tcp(s), IPPROTO_TCP, sys.TCP_CONGESTION, Buffer.from('nosuchname\0')),
  },
  {
    id: '437',
    title: 'TCP_LINGER2: set -5 / 0 / 100000: reads',
    expected: '-1 / 60 / 120',
    run: (s) => {
      const after = (value: number): string => {
        const fd = tcp(s);
        sys.setsockopt(fd, IPPROTO_TCP, sys.TCP_LINGER2, value);
        return gets(fd, IPPROTO_TCP, sys.TCP_LINGER2);
      };
      return answers(after(-5), after(0), after(100_000));
    },
  },
  {
    id: '438',
    title: 'SO_DETACH_FILTER: with none attached',
    expected: 'ENOENT',
    run: (s) => sets(tcp(s), SOL_SOCKET, sys.SO_DETACH_FILTER, 0),
  },
  {
    id: '440',
    title: 'SO_MARK: as root / as an ordinary user',
    expected: 'ok / EPERM',
    needs: ['root'],
    run: (s) => {
      const fd = tcp(s);
      return answers(
        sets(fd, SOL_SOCKET, sys.SO_MARK, 7),
        asNobody(() => sets(fd, SOL_SOCKET, sys.SO_MARK, 8)),
      );
    },
  },
  {
    id: '441',
    title: 'SO_LINGER: {1, 0}, then close: what the peer receives',
    expected: 'ECONNRESET',
    run: (s) => {
      const { client, server } = trio(s);
      sys.setsockopt(client, SOL_SOCKET, sys.SO_LINGER, Buffer.from(Uint32Array.of(1, 0).buffer));
      s.closeQuietly(client);
      return receivedSoon(server);
    },
  },
];

export const optionFacts = group('options', facts);
