import * as fs from 'node:fs';
import { limits } from 'listenq';
import * as sys from 'listenq/syscalls';
import { growth } from '../counters';
import { group, type FactBody } from '../fact';
import { answers, eventually, outcome, within } from '../outcome';
import type { Scope } from '../scope';
import {
  acceptOne,
  countOf,
  dropsOf,
  knocking,
  knockInTurn,
  listener,
  nameOf,
  queueOf,
  queueText,
  timeval,
} from '../sockets';

function admits(id: string, backlog: number): FactBody {
  const clients = backlog + 6;
  return {
    id,
    title: `listen: backlog ${backlog}, ${clients} clients in turn, nothing accepted: established; waiting/limit`,
    expected: `${backlog + 1}; ${backlog + 1}/${backlog}`,
    run: (s) => {
      const fd = listener(s, { backlog });
      const fds = knockInTurn(s, fd, clients);
      return `${countOf(fds, 'ESTABLISHED')}; ${queueText(fd)}`;
    },
  };
}

/** A full listener, and a client that blocks in connect(2) for as long as its option lets it. */
function givesUp(
  id: string,
  what: string,
  expected: string,
  set: (fd: number) => void,
  atLeastMs: number,
): FactBody {
  return {
    id,
    title: `connect: queue full, client with ${what}: error, not before ${atLeastMs} ms`,
    expected: `${expected}, in time`,
    ...(atLeastMs > 1000 ? { slow: true } : {}),
    run: (s) => {
      const fd = listener(s, { backlog: 1 });
      knockInTurn(s, fd, 2);
      const client = s.socket(sys.AF_INET, sys.SOCK_STREAM);
      set(client);
      const start = performance.now();
      const result = outcome(() => {
        sys.connect(client, nameOf(fd));
      });
      // The kernel's timers tick; a little less than what was asked is still that.
      return `${result}, ${performance.now() - start >= atLeastMs - 20 ? 'in time' : 'too soon'}`;
    },
  };
}

function canSet(id: string, name: string, value: string, expected: string): FactBody {
  return {
    id,
    title: `sysctl: ${name} = ${value}`,
    expected,
    needs: ['private network'],
    run: (s) => {
      const file = `/proc/sys/${name.replaceAll('.', '/')}`;
      s.sysctl(name, fs.readFileSync(file, 'utf8'));
      try {
        fs.writeFileSync(file, value);
        return `ok, reads ${fs.readFileSync(file, 'utf8').trim()}`;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code ?? String(error);
      }
    },
  };
}

function overflow(id: string, abortOnOverflow: number): FactBody {
  return {
    id,
    title: `listen: backlog 1, 6 clients in turn, tcp_abort_on_overflow=${abortOnOverflow}: states; ListenOverflows / ListenDrops`,
    expected: '2 ESTABLISHED, 4 SYN_SENT; +4 / +4',
    needs: ['private network'],
    run: (s) => {
      s.sysctl('net.ipv4.tcp_abort_on_overflow', abortOnOverflow);
      return within(800, () => {
        let states = '';
        const grown = growth(['ListenOverflows', 'ListenDrops'], () => {
          const fds = knockInTurn(s, listener(s, { backlog: 1 }), 6);
          states = `${countOf(fds, 'ESTABLISHED')} ESTABLISHED, ${countOf(fds, 'SYN_SENT')} SYN_SENT`;
          for (const fd of fds) s.close(fd);
        });
        return `${states}; ${grown}`;
      });
    },
  };
}

/** Lowers the backlog under those who wait, and says with how many left a new client is first let in. */
function admittedAgainAt(s: Scope): string {
  const fd = listener(s, { backlog: 5 });
  knockInTurn(s, fd, 6);
  sys.listen(fd, 2);
  for (let left = 6; left >= 0; left--) {
    const [newcomer] = knockInTurn(s, fd, 1);
    if (queueOf(fd).waiting > left) return `when ${left} are left`;
    s.close(newcomer as number);
    acceptOne(s, fd);
  }
  return 'never';
}

const facts: FactBody[] = [
  admits('96', 0),
  admits('97', 1),
  admits('98', 2),
  {
    id: '100',
    title: 'listen: lowered to 2 with 6 waiting of backlog 5: listen; waiting/limit; the next SYN',
    expected: 'ok; 6/2; dropped',
    run: (s) => {
      const fd = listener(s, { backlog: 5 });
      knockInTurn(s, fd, 6);
      const lowered = outcome(() => {
        sys.listen(fd, 2);
      });
      const queue = queueText(fd);
      const drops = dropsOf(fd);
      knockInTurn(s, fd, 1);
      return `${lowered}; ${queue}; ${dropsOf(fd) > drops && queueText(fd) === queue ? 'dropped' : 'admitted'}`;
    },
  },
  {
    id: '101',
    title: 'listen: lowered to 2 with 6 waiting, accepted one at a time: when a new client gets in',
    expected: 'when 2 are left',
    run: admittedAgainAt,
  },
  {
    id: '102',
    title: 'listen: backlog 2 full and 3 clients retrying, raised to 10: they get in when they retry',
    expected: '3 waiting, then 6',
    slow: true,
    run: (s) => {
      const fd = listener(s, { backlog: 2 });
      knockInTurn(s, fd, 6);
      const before = queueOf(fd).waiting;
      sys.listen(fd, 10);
      eventually(() => queueOf(fd).waiting >= 6, 5000);
      return `${before} waiting, then ${queueOf(fd).waiting}`;
    },
  },
  {
    id: '104',
    title: 'listen: backlog -1 and -2147483648: the limit is net.core.somaxconn',
    expected: 'somaxconn / somaxconn',
    run: (s) => {
      const limit = (backlog: number): string => {
        const seen = queueOf(listener(s, { backlog })).limit;
        return seen === limits().somaxconn ? 'somaxconn' : String(seen);
      };
      return answers(limit(-1), limit(-(2 ** 31)));
    },
  },
  {
    id: '2.1 somaxconn',
    title:
      'listen: net.core.somaxconn changed afterwards: the limit before, after the change, after listen again',
    expected: '100 / 100 / 7',
    needs: ['private network'],
    run: (s) => {
      s.sysctl('net.core.somaxconn', 4096);
      const fd = listener(s, { backlog: 100 });
      const before = queueOf(fd).limit;
      s.sysctl('net.core.somaxconn', 7);
      const after = queueOf(fd).limit;
      sys.listen(fd, 100);
      return answers(before, after, queueOf(fd).limit);
    },
  },
  canSet('105', 'net.core.somaxconn', '0', 'ok, reads 0'),
  canSet('105', 'net.core.somaxconn', '2147483647', 'ok, reads 2147483647'),
  canSet('105', 'net.core.somaxconn', '2147483648', 'EINVAL'),
  canSet('105', 'net.core.somaxconn', '-1', 'EINVAL'),
  canSet('106', 'net.ipv4.tcp_max_syn_backlog', '0', 'ok, reads 0'),
  canSet('106', 'net.ipv4.tcp_max_syn_backlog', '-1', 'ok, reads -1'),
  canSet('106', 'net.ipv4.tcp_max_syn_backlog', '2147483647', 'ok, reads 2147483647'),
  givesUp(
    '108',
    'TCP_USER_TIMEOUT 1500 ms',
    'ETIMEDOUT',
    (fd) => {
      sys.setsockopt(fd, sys.IPPROTO_TCP, sys.TCP_USER_TIMEOUT, 1500);
    },
    1500,
  ),
  givesUp(
    '109',
    'SO_SNDTIMEO 300 ms',
    'EINPROGRESS',
    (fd) => {
      sys.setsockopt(fd, sys.SOL_SOCKET, sys.SO_SNDTIMEO, timeval(300));
    },
    300,
  ),
  givesUp(
    '110',
    'TCP_SYNCNT 1',
    'ETIMEDOUT',
    (fd) => {
      sys.setsockopt(fd, sys.IPPROTO_TCP, sys.TCP_SYNCNT, 1);
    },
    2900,
  ),
  overflow('240', 0),
  overflow('241', 1),
  {
    id: '469',
    title: 'listen: 4 SYNs refused by a full queue: drop count of that listener, of another one',
    expected: '4 / 0',
    run: (s) =>
      within(800, () => {
        const other = listener(s);
        const fd = listener(s, { backlog: 0 });
        const clients = knockInTurn(s, fd, 5);
        const seen = answers(dropsOf(fd), dropsOf(other));
        for (const client of clients) s.close(client);
        return seen;
      }),
  },
  {
    id: '469 again',
    title: 'listen: the drop count after a second listen, and after shutdown and listen',
    expected: '1 / 1',
    run: (s) =>
      within(800, () => {
        const fd = listener(s, { backlog: 0 });
        const clients = [knocking(s, nameOf(fd))];
        eventually(() => queueOf(fd).waiting === 1);
        clients.push(...knockInTurn(s, fd, 1));
        sys.listen(fd, 3);
        const second = dropsOf(fd);
        sys.shutdown(fd, sys.SHUT_RD);
        sys.listen(fd, 3);
        const seen = answers(second, dropsOf(fd));
        for (const client of clients) s.close(client);
        return seen;
      }),
  },
];

export const backlogFacts = group('backlog', facts);
