import { listen } from 'listenq';
import * as sys from 'listenq/syscalls';
import { growth } from '../counters';
import { CannotRun, group, type FactBody } from '../fact';
import { answers, outcome } from '../outcome';
import type { Scope } from '../scope';
import {
  accepted,
  bound,
  connected,
  countOf,
  knocking,
  listener,
  nameOf,
  receivedSoon,
  sendText,
  tcp,
  trio,
} from '../sockets';

/** Clients and servers, data in the SYN without a cookie: Documentation/networking/ip-sysctl.rst. */
const FAST_OPEN_WITHOUT_COOKIES = 0x603;

function fastOpen(fd: number, queue = 5): string {
  return outcome(() => {
    sys.setsockopt(fd, sys.IPPROTO_TCP, sys.TCP_FASTOPEN, queue);
  });
}

function mptcpListener(s: Scope): { port: number; waiting: () => string; accept: () => number } {
  try {
    const server = s.use(listen({ host: '127.0.0.1', backlog: 3, mptcp: true }));
    return {
      port: (server.address() as sys.IPv4Address).port,
      waiting: () => `${server.queue().length}/${server.queue().limit}`,
      accept: () => s.own(server.accept({ timeoutMs: 2000 }).detach()),
    };
  } catch (error) {
    if (!(error instanceof sys.SystemCallError) || error.code !== 'EPROTONOSUPPORT') throw error;
    throw new CannotRun('this kernel is built without MPTCP');
  }
}

const facts: FactBody[] = [
  {
    id: '461',
    title: 'TCP_FASTOPEN: set on a socket unbound / bound / listening',
    expected: 'ok / ok / ok',
    run: (s) => answers(fastOpen(tcp(s)), fastOpen(bound(s)), fastOpen(listener(s))),
  },
  {
    id: '462',
    title: 'TCP_FASTOPEN: set on a connected socket',
    expected: 'EINVAL',
    run: (s) => fastOpen(trio(s).client),
  },
  {
    id: '464',
    title: 'TCP_FASTOPEN: data in the SYN, no cookie asked for: connect / recv / TCPFastOpenPassive',
    expected: 'ok / early / +1',
    needs: ['private network'],
    run: (s) => {
      s.sysctl('net.ipv4.tcp_fastopen', FAST_OPEN_WITHOUT_COOKIES);
      const fd = listener(s);
      fastOpen(fd);
      const seen: string[] = [];
      const passive = growth(['TCPFastOpenPassive'], () => {
        const client = tcp(s);
        sys.setsockopt(client, sys.IPPROTO_TCP, sys.TCP_FASTOPEN_CONNECT, 1);
        // With that option it says ok at once, and the SYN goes out with the first data.
        seen.push(
          outcome(() => {
            sys.connect(client, nameOf(fd));
          }),
        );
        sendText(client, 'early');
        seen.push(receivedSoon(accepted(s, fd)));
      });
      return answers(...seen, passive);
    },
  },
  {
    id: '465',
    title: 'MPTCP: listener with backlog 3, 8 plain TCP clients in turn: ESTABLISHED; waiting/limit',
    expected: '4; 4/3',
    run: (s) => {
      const server = mptcpListener(s);
      const clients = Array.from({ length: 8 }, () => {
        const client = knocking(s, { family: 'IPv4', address: '127.0.0.1', port: server.port });
        // The answer, if one comes, is there at once; a refusal is silence.
        sys.poll([{ fd: client, events: sys.POLLOUT }], 20);
        return client;
      });
      return `${countOf(clients, 'ESTABLISHED')}; ${server.waiting()}`;
    },
  },
  {
    id: '466',
    title: 'MPTCP: listener, plain TCP client: SO_PROTOCOL of the accepted socket',
    expected: '6',
    run: (s) => {
      const server = mptcpListener(s);
      connected(s, { family: 'IPv4', address: '127.0.0.1', port: server.port });
      return String(sys.getsockoptInt(server.accept(), sys.SOL_SOCKET, sys.SO_PROTOCOL));
    },
  },
];

export const fastOpenFacts = group('fast-open', facts);
