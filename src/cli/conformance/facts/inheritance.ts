import * as sys from 'listenq/syscalls';
import { group, type FactBody, type Need } from '../fact';
import { answers, outcome } from '../outcome';
import type { Scope } from '../scope';
import { accepted, connected, knocking, listener, nameOf, sendText, timeval, trio } from '../sockets';
import { unixListener, unixName } from '../unix-sockets';

const { SOL_SOCKET, IPPROTO_TCP, IPPROTO_IP } = sys;

interface Row {
  name: string;
  level: number;
  option: number;
  set: number;
  /** What the listener and the accepted socket read, where that is not what was set. */
  reads?: [listener: number, accepted: number];
  root?: true;
}

/** An option is set on the listener before the client connects, and read on both. */
const ROWS: readonly Row[] = [
  { name: 'SO_KEEPALIVE', level: SOL_SOCKET, option: sys.SO_KEEPALIVE, set: 1 },
  { name: 'SO_OOBINLINE', level: SOL_SOCKET, option: sys.SO_OOBINLINE, set: 1 },
  { name: 'SO_REUSEADDR', level: SOL_SOCKET, option: sys.SO_REUSEADDR, set: 1 },
  { name: 'SO_REUSEPORT', level: SOL_SOCKET, option: sys.SO_REUSEPORT, set: 1 },
  { name: 'SO_RCVLOWAT', level: SOL_SOCKET, option: sys.SO_RCVLOWAT, set: 7 },
  { name: 'SO_PRIORITY', level: SOL_SOCKET, option: sys.SO_PRIORITY, set: 4, reads: [4, 0] },
  { name: 'SO_MARK', level: SOL_SOCKET, option: sys.SO_MARK, set: 77, root: true },
  { name: 'SO_BUSY_POLL', level: SOL_SOCKET, option: sys.SO_BUSY_POLL, set: 50, root: true },
  { name: 'SO_PREFER_BUSY_POLL', level: SOL_SOCKET, option: sys.SO_PREFER_BUSY_POLL, set: 1, root: true },
  { name: 'SO_TIMESTAMP', level: SOL_SOCKET, option: sys.SO_TIMESTAMP, set: 1 },
  { name: 'SO_ZEROCOPY', level: SOL_SOCKET, option: sys.SO_ZEROCOPY, set: 1 },
  { name: 'SO_DONTROUTE', level: SOL_SOCKET, option: sys.SO_DONTROUTE, set: 1 },
  { name: 'SO_RCVBUF', level: SOL_SOCKET, option: sys.SO_RCVBUF, set: 100000, reads: [200000, 200000] },
  { name: 'SO_SNDBUF', level: SOL_SOCKET, option: sys.SO_SNDBUF, set: 100000, reads: [200000, 200000] },
  { name: 'SO_TXREHASH', level: SOL_SOCKET, option: sys.SO_TXREHASH, set: 0 },
  { name: 'SO_RXQ_OVFL', level: SOL_SOCKET, option: sys.SO_RXQ_OVFL, set: 1 },
  { name: 'SO_DEBUG', level: SOL_SOCKET, option: sys.SO_DEBUG, set: 1, root: true },
  { name: 'TCP_NODELAY', level: IPPROTO_TCP, option: sys.TCP_NODELAY, set: 1 },
  { name: 'TCP_CORK', level: IPPROTO_TCP, option: sys.TCP_CORK, set: 1 },
  { name: 'TCP_KEEPIDLE', level: IPPROTO_TCP, option: sys.TCP_KEEPIDLE, set: 33 },
  { name: 'TCP_KEEPINTVL', level: IPPROTO_TCP, option: sys.TCP_KEEPINTVL, set: 12 },
  { name: 'TCP_KEEPCNT', level: IPPROTO_TCP, option: sys.TCP_KEEPCNT, set: 3 },
  { name: 'TCP_SYNCNT', level: IPPROTO_TCP, option: sys.TCP_SYNCNT, set: 3 },
  { name: 'TCP_LINGER2', level: IPPROTO_TCP, option: sys.TCP_LINGER2, set: 9 },
  { name: 'TCP_DEFER_ACCEPT', level: IPPROTO_TCP, option: sys.TCP_DEFER_ACCEPT, set: 3, reads: [3, 0] },
  { name: 'TCP_WINDOW_CLAMP', level: IPPROTO_TCP, option: sys.TCP_WINDOW_CLAMP, set: 30000 },
  { name: 'TCP_QUICKACK', level: IPPROTO_TCP, option: sys.TCP_QUICKACK, set: 0, reads: [1, 1] },
  { name: 'TCP_USER_TIMEOUT', level: IPPROTO_TCP, option: sys.TCP_USER_TIMEOUT, set: 120001 },
  { name: 'TCP_NOTSENT_LOWAT', level: IPPROTO_TCP, option: sys.TCP_NOTSENT_LOWAT, set: 5000 },
  { name: 'TCP_FASTOPEN', level: IPPROTO_TCP, option: sys.TCP_FASTOPEN, set: 9, reads: [9, 0] },
  { name: 'TCP_SAVE_SYN', level: IPPROTO_TCP, option: sys.TCP_SAVE_SYN, set: 1 },
  { name: 'TCP_INQ', level: IPPROTO_TCP, option: sys.TCP_INQ, set: 1 },
  // 1000 less the 12 bytes of the timestamp option: the limit is inherited though the number differs.
  { name: 'TCP_MAXSEG', level: IPPROTO_TCP, option: sys.TCP_MAXSEG, set: 1000, reads: [1000, 988] },
  { name: 'TCP_THIN_LINEAR_TIMEOUTS', level: IPPROTO_TCP, option: sys.TCP_THIN_LINEAR_TIMEOUTS, set: 1 },
  { name: 'TCP_FASTOPEN_NO_COOKIE', level: IPPROTO_TCP, option: sys.TCP_FASTOPEN_NO_COOKIE, set: 1 },
  { name: 'TCP_RTO_MAX_MS', level: IPPROTO_TCP, option: sys.TCP_RTO_MAX_MS, set: 5000 },
  { name: 'IP_TOS', level: IPPROTO_IP, option: sys.IP_TOS, set: 16 },
  { name: 'IP_TTL', level: IPPROTO_IP, option: sys.IP_TTL, set: 9 },
  { name: 'IP_FREEBIND', level: IPPROTO_IP, option: sys.IP_FREEBIND, set: 1 },
  { name: 'IP_TRANSPARENT', level: IPPROTO_IP, option: sys.IP_TRANSPARENT, set: 1, root: true },
  { name: 'IP_BIND_ADDRESS_NO_PORT', level: IPPROTO_IP, option: sys.IP_BIND_ADDRESS_NO_PORT, set: 1 },
  { name: 'IP_MTU_DISCOVER', level: IPPROTO_IP, option: sys.IP_MTU_DISCOVER, set: 2 },
  { name: 'IP_RECVTOS', level: IPPROTO_IP, option: sys.IP_RECVTOS, set: 1 },
  { name: 'IP_MINTTL', level: IPPROTO_IP, option: sys.IP_MINTTL, set: 2 },
];

function inherits(row: Row): FactBody {
  const { name, level, option, set, reads = [set, set], root } = row;
  const needs: Need[] = root === true ? ['root'] : [];
  return {
    id: `2.6 ${name}`,
    title: `accept: ${name} set to ${set} on the listener: listener, accepted socket`,
    expected: reads.join(' / '),
    needs,
    run: (s) => {
      const ends = trioThatTalks(s, level, option, set);
      return answers(
        sys.getsockoptInt(ends.listener, level, option),
        sys.getsockoptInt(ends.server, level, option),
      );
    },
  };
}

/** TCP_DEFER_ACCEPT keeps a client out of the queue until it has sent something. */
function trioThatTalks(
  s: Scope,
  level: number,
  option: number,
  set: number,
): { listener: number; server: number } {
  const fd = listener(s, {
    before: (one) => {
      sys.setsockopt(one, level, option, set);
    },
  });
  const client = connected(s, nameOf(fd));
  sendText(client, 'hello, server');
  return { listener: fd, server: accepted(s, fd) };
}

/** Bytes set on the listener, and read on the accepted socket. */
function inheritsBytes(id: string, name: string, level: number, option: number, value: Buffer): FactBody {
  return {
    id,
    title: `accept: ${name} set on the listener: the accepted socket`,
    expected: 'inherited',
    run: (s) => {
      const { server } = trio(s, {
        before: (fd) => {
          sys.setsockopt(fd, level, option, value);
        },
      });
      const seen = sys.getsockopt(server, level, option);
      return seen.subarray(0, value.length).equals(value) ? 'inherited' : seen.toString('hex');
    },
  };
}

/** include/uapi/linux/in.h: struct group_req is an interface's number, padding, and a sockaddr_storage. */
const MCAST_JOIN_GROUP = 42;
const MCAST_LEAVE_GROUP = 45;
const LO = 1;

function groupRequest(): Buffer {
  const request = Buffer.alloc(8 + 128);
  request.set(new Uint8Array(Uint32Array.of(LO).buffer), 0);
  request.set(new Uint8Array(Uint16Array.of(sys.AF_INET).buffer), 8);
  request.set([224, 0, 0, 100], 12);
  return request;
}

/** A CPU that no machine has, so that the number read is not the last packet's by chance. */
const NO_SUCH_CPU = 100_000;

const others: FactBody[] = [
  {
    id: '2.6 SO_INCOMING_CPU',
    title:
      'accept: SO_INCOMING_CPU of the listener: listener, accepted socket has the CPU of its last packet instead',
    expected: '100000 / another',
    run: (s) => {
      const ends = trioThatTalks(s, SOL_SOCKET, sys.SO_INCOMING_CPU, NO_SUCH_CPU);
      const seen = sys.getsockoptInt(ends.server, SOL_SOCKET, sys.SO_INCOMING_CPU);
      return answers(
        sys.getsockoptInt(ends.listener, SOL_SOCKET, sys.SO_INCOMING_CPU),
        seen === NO_SUCH_CPU ? 'the same' : 'another',
      );
    },
  },
  inheritsBytes(
    '158',
    'SO_LINGER {1, 7}',
    SOL_SOCKET,
    sys.SO_LINGER,
    Buffer.from(Uint32Array.of(1, 7).buffer),
  ),
  inheritsBytes('2.6 SO_RCVTIMEO', 'SO_RCVTIMEO 200 ms', SOL_SOCKET, sys.SO_RCVTIMEO, timeval(200)),
  inheritsBytes(
    '2.6 SO_BINDTODEVICE',
    'SO_BINDTODEVICE lo',
    SOL_SOCKET,
    sys.SO_BINDTODEVICE,
    Buffer.from('lo\0'),
  ),
  inheritsBytes('160', 'TCP_CONGESTION reno', IPPROTO_TCP, sys.TCP_CONGESTION, Buffer.from('reno\0')),
  {
    id: '161',
    title:
      'accept: multicast group joined on the listener: leaving it on the accepted socket, on the listener',
    expected: 'EADDRNOTAVAIL / ok',
    needs: ['private network'],
    run: (s) => {
      const ends = trio(s, {
        before: (fd) => {
          sys.setsockopt(fd, IPPROTO_IP, MCAST_JOIN_GROUP, groupRequest());
        },
      });
      const leave = (fd: number): string =>
        outcome(() => {
          sys.setsockopt(fd, IPPROTO_IP, MCAST_LEAVE_GROUP, groupRequest());
        });
      return answers(leave(ends.server), leave(ends.listener));
    },
  },
  {
    id: '162',
    title: 'accept: IPV6_V6ONLY of an IPv6 listener: the accepted socket',
    expected: '1',
    needs: ['IPv6'],
    run: (s) => {
      const { server } = trio(s, {
        address: '::1',
        before: (fd) => {
          sys.setsockopt(fd, sys.IPPROTO_IPV6, sys.IPV6_V6ONLY, 1);
        },
      });
      return String(sys.getsockoptInt(server, sys.IPPROTO_IPV6, sys.IPV6_V6ONLY));
    },
  },
  {
    id: '164',
    title:
      'accept: AF_UNIX listener with SO_PASSCRED, SO_RCVBUF, SO_SNDTIMEO: inherited by the accepted socket',
    expected: 'yes / no / no',
    run: (s) => {
      const name = unixName();
      const fd = unixListener(s, name);
      sys.setsockopt(fd, SOL_SOCKET, sys.SO_PASSCRED, 1);
      sys.setsockopt(fd, SOL_SOCKET, sys.SO_RCVBUF, 50_000);
      sys.setsockopt(fd, SOL_SOCKET, sys.SO_SNDTIMEO, timeval(200));
      knocking(s, name);
      const server = accepted(s, fd);
      const same = (option: number): string =>
        sys.getsockopt(server, SOL_SOCKET, option).equals(sys.getsockopt(fd, SOL_SOCKET, option))
          ? 'yes'
          : 'no';
      return answers(same(sys.SO_PASSCRED), same(sys.SO_RCVBUF), same(sys.SO_SNDTIMEO));
    },
  },
];

export const inheritanceFacts = group('inheritance', [...ROWS.map(inherits), ...others]);
