import * as fs from 'node:fs';
import * as sys from 'listenq/syscalls';
import { CannotRun, group, type FactBody } from '../fact';
import { answer, answers, outcome } from '../outcome';
import { tcp } from '../sockets';
import type { Scope } from '../scope';

const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const NO_SUCH_TYPE = 75;

function makes(
  id: string,
  what: string,
  expected: string,
  domain: number,
  type: number,
  protocol = 0,
): FactBody {
  return {
    id,
    title: `socket: ${what}`,
    expected,
    run: (s) => outcome(() => s.socket(domain, type, protocol)),
  };
}

/** As `makes`, of a family or protocol that a kernel may be built without. */
function makesIfBuiltIn(id: string, what: string, domain: number, protocol: number): FactBody {
  return {
    id,
    title: `socket: ${what}`,
    expected: 'ok',
    run: (s) => {
      const seen = outcome(() => s.socket(domain, sys.SOCK_STREAM, protocol));
      if (seen === 'EAFNOSUPPORT' || seen === 'EPROTONOSUPPORT')
        throw new CannotRun('this kernel is built without it');
      return seen;
    },
  };
}

/** The descriptor's flags as /proc shows them. */
function flagsOf(fd: number): number {
  const line = /^flags:\s*(\d+)/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'));
  return parseInt(line?.[1] ?? '0', 8);
}

function flagNames(s: Scope, flags: number): string {
  const seen = flagsOf(s.own(sys.socket(sys.AF_INET, sys.SOCK_STREAM | flags)));
  const names = [
    ...((seen & O_CLOEXEC) === 0 ? [] : ['CLOEXEC']),
    ...((seen & O_NONBLOCK) === 0 ? [] : ['NONBLOCK']),
  ];
  return names.length === 0 ? 'none' : names.join('+');
}

export const socketFacts = group('socket', [
  makes('1', 'AF_UNSPEC', 'EAFNOSUPPORT', sys.AF_UNSPEC, sys.SOCK_STREAM),
  makes('2', 'AF_INET of a type that does not exist', 'EINVAL', sys.AF_INET, NO_SUCH_TYPE),
  makes(
    '4',
    'AF_INET datagram with protocol TCP',
    'EPROTONOSUPPORT',
    sys.AF_INET,
    sys.SOCK_DGRAM,
    sys.IPPROTO_TCP,
  ),
  makes(
    '5',
    'AF_INET stream with protocol ICMP',
    'EPROTONOSUPPORT',
    sys.AF_INET,
    sys.SOCK_STREAM,
    sys.IPPROTO_ICMP,
  ),
  makes('6', 'AF_INET raw with protocol 0', 'EPROTONOSUPPORT', sys.AF_INET, sys.SOCK_RAW),
  makes('8', 'AF_UNIX datagram', 'ok', sys.AF_UNIX, sys.SOCK_DGRAM),
  makes('9', 'AF_UNIX seqpacket with protocol PF_UNIX', 'ok', sys.AF_UNIX, sys.SOCK_SEQPACKET, sys.AF_UNIX),
  makes('10', 'AF_UNIX stream with protocol 2', 'EPROTONOSUPPORT', sys.AF_UNIX, sys.SOCK_STREAM, 2),
  makesIfBuiltIn('12', 'AF_INET stream with protocol MPTCP', sys.AF_INET, sys.IPPROTO_MPTCP),
  makesIfBuiltIn('13', 'AF_VSOCK stream', sys.AF_VSOCK, 0),
  makes('14', 'AF_INET of type 0', 'ESOCKTNOSUPPORT', sys.AF_INET, 0),
  {
    id: '16',
    title: 'socket: no flag, SOCK_CLOEXEC, SOCK_NONBLOCK: each sets its own bit and no other',
    expected: 'none / CLOEXEC / NONBLOCK',
    run: (s) => answers(flagNames(s, 0), flagNames(s, sys.SOCK_CLOEXEC), flagNames(s, sys.SOCK_NONBLOCK)),
  },
  {
    id: '17',
    title: 'socket: RLIMIT_NOFILE reached',
    expected: 'EMFILE',
    run: (s) => {
      s.limitDescriptors(0);
      return outcome(() => tcp(s));
    },
  },
]);

function pairs(
  id: string,
  what: string,
  expected: string,
  domain: number,
  type: number,
  protocol = 0,
): FactBody {
  return {
    id,
    title: `socketpair: ${what}`,
    expected,
    run: (s) =>
      outcome(() => {
        for (const fd of sys.socketpair(domain, type | sys.SOCK_CLOEXEC, protocol)) s.own(fd);
      }),
  };
}

function pair(s: Scope, type = sys.SOCK_STREAM): [number, number] {
  const [a, b] = sys.socketpair(sys.AF_UNIX, type | sys.SOCK_CLOEXEC);
  return [s.own(a), s.own(b)];
}

const TEN = Buffer.from('0123456789');

export const socketpairFacts = group('socketpair', [
  pairs('18', 'AF_UNSPEC', 'EAFNOSUPPORT', sys.AF_UNSPEC, sys.SOCK_STREAM),
  pairs('20', 'AF_UNIX datagram', 'ok', sys.AF_UNIX, sys.SOCK_DGRAM),
  pairs('21', 'AF_UNIX stream with protocol PF_UNIX', 'ok', sys.AF_UNIX, sys.SOCK_STREAM, sys.AF_UNIX),
  pairs('22', 'AF_UNIX seqpacket', 'ok', sys.AF_UNIX, sys.SOCK_SEQPACKET),
  pairs('24', 'AF_INET TCP', 'EOPNOTSUPP', sys.AF_INET, sys.SOCK_STREAM, sys.IPPROTO_TCP),
  pairs('25', 'AF_INET datagram with TCP', 'EPROTONOSUPPORT', sys.AF_INET, sys.SOCK_DGRAM, sys.IPPROTO_TCP),
  pairs('26', 'AF_INET stream with ICMP', 'EPROTONOSUPPORT', sys.AF_INET, sys.SOCK_STREAM, sys.IPPROTO_ICMP),
  { ...pairs('28', 'AF_INET6 of type 0', 'ESOCKTNOSUPPORT', sys.AF_INET6, 0), needs: ['IPv6'] },
  {
    id: '32',
    title: 'socketpair: other end closed: send, recv',
    expected: 'EPIPE / 0',
    run: (s) => {
      const [a, b] = pair(s);
      s.closeQuietly(b);
      return answers(
        outcome(() => sys.send(a, TEN, sys.MSG_NOSIGNAL)),
        answer(() => sys.recv(a, Buffer.alloc(4))),
      );
    },
  },
  {
    id: '33',
    title: 'socketpair: other end closed with bytes unread: recv',
    expected: 'ECONNRESET',
    run: (s) => {
      const [a, b] = pair(s);
      sys.send(b, TEN);
      s.closeQuietly(a);
      return answer(() => sys.recv(b, Buffer.alloc(4)));
    },
  },
  {
    id: '36',
    title: 'socketpair: seqpacket, 10 bytes received into 4: first recv, second recv',
    expected: '4 / EAGAIN',
    run: (s) => {
      const [a, b] = pair(s, sys.SOCK_SEQPACKET);
      sys.send(b, TEN);
      const receive = (): string => answer(() => sys.recv(a, Buffer.alloc(4), sys.MSG_DONTWAIT));
      return answers(receive(), receive());
    },
  },
  {
    id: '37',
    title: 'socketpair: seqpacket, 10 bytes received into 4 with MSG_TRUNC: the full length',
    expected: '10',
    run: (s) => {
      const [a, b] = pair(s, sys.SOCK_SEQPACKET);
      sys.send(b, TEN);
      return answer(() => sys.recv(a, Buffer.alloc(4), sys.MSG_TRUNC));
    },
  },
  {
    id: '38',
    title: 'socketpair: stream, 6 bytes waiting, recv of 3 with MSG_TRUNC: copied as ever',
    expected: '3 / 012',
    run: (s) => {
      const [a, b] = pair(s);
      sys.send(b, TEN.subarray(0, 6));
      const into = Buffer.alloc(3);
      return answers(sys.recv(a, into, sys.MSG_TRUNC), into.toString());
    },
  },
]);
