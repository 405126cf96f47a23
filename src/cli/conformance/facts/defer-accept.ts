import * as sys from 'listenq/syscalls';
import { growth, tcpLines } from '../counters';
import { group, type FactBody } from '../fact';
import { answers, eventually, outcome, within } from '../outcome';
import type { Scope } from '../scope';
import {
  accepted,
  acceptNow,
  acceptOne,
  connected,
  countOf,
  knocking,
  listener,
  nameOf,
  portOf,
  queueOf,
  queueText,
  received,
  receivedSoon,
  sendText,
  stateOf,
} from '../sockets';

function roundsTo(id: string, seconds: number, expected: number): FactBody {
  return {
    id,
    title: `TCP_DEFER_ACCEPT: set ${seconds} s: get`,
    expected: String(expected),
    run: (s) => {
      const fd = s.socket(sys.AF_INET, sys.SOCK_STREAM);
      sys.setsockopt(fd, sys.IPPROTO_TCP, sys.TCP_DEFER_ACCEPT, seconds);
      return String(sys.getsockoptInt(fd, sys.IPPROTO_TCP, sys.TCP_DEFER_ACCEPT));
    },
  };
}

function deferring(s: Scope, backlog = 16, seconds = 3): number {
  return listener(s, {
    backlog,
    before: (fd) => {
      sys.setsockopt(fd, sys.IPPROTO_TCP, sys.TCP_DEFER_ACCEPT, seconds);
    },
  });
}

/** 10 clients of a deferring listener with backlog 2 that say nothing. */
function silentClients(id: string, syncookies: number, expected: string): FactBody {
  return {
    id,
    title: `TCP_DEFER_ACCEPT: backlog 2, tcp_syncookies ${syncookies}, 10 silent clients: ESTABLISHED / in the queue`,
    expected,
    needs: ['private network'],
    run: (s) =>
      within(800, () => {
        s.sysctl('net.ipv4.tcp_syncookies', syncookies);
        const fd = deferring(s, 2);
        const clients = Array.from({ length: 10 }, () => {
          const client = knocking(s, nameOf(fd));
          // The answer, if one comes, is there at once; a refusal is silence.
          sys.poll([{ fd: client, events: sys.POLLOUT }], 20);
          return client;
        });
        const seen = answers(countOf(clients, 'ESTABLISHED'), queueOf(fd).waiting);
        for (const client of clients) s.close(client);
        return seen;
      }),
  };
}

/** Clients past their SYN when the queue gets too short for them: the final ACK or the data meets a full queue. */
function lateOverflow(id: string, abortOnOverflow: number, expected: string): FactBody {
  return {
    id,
    title:
      `listen: 8 clients held back by TCP_DEFER_ACCEPT, lowered to 2, all send, tcp_abort_on_overflow ${abortOnOverflow}: ` +
      'waiting; clients; ListenOverflows',
    expected,
    needs: ['private network'],
    run: (s) => {
      s.sysctl('net.ipv4.tcp_abort_on_overflow', abortOnOverflow);
      // Data that was not taken is sent again after 200 ms, and would count again.
      return within(150, (watch) => {
        const fd = deferring(s, 10, 10);
        const clients = Array.from({ length: 8 }, () => connected(s, nameOf(fd)));
        sys.listen(fd, 2);
        watch.start();
        const grown = growth(['ListenOverflows'], () => {
          for (const client of clients) sendText(client, 'data');
        });
        watch.stop();
        const states = clients.map((client) => `${stateOf(client)} ${received(client)}`).sort();
        const { waiting } = queueOf(fd);
        for (const client of clients) s.close(client);
        return `${waiting}; ${tally(states)}; ${grown}`;
      });
    },
  };
}

/** '5 x CLOSE ECONNRESET, 3 x ESTABLISHED EAGAIN' */
function tally(states: readonly string[]): string {
  const kinds = [...new Set(states)];
  return kinds.map((kind) => `${states.filter((state) => state === kind).length} x ${kind}`).join(', ');
}

const facts: FactBody[] = [
  roundsTo('220', 1, 1),
  roundsTo('221', 2, 3),
  roundsTo('222', 3, 3),
  roundsTo('224', 5, 7),
  roundsTo('225', 7, 7),
  roundsTo('226', 8, 15),
  roundsTo('228', 31, 31),
  roundsTo('229', 60, 63),
  roundsTo('230', 120, 127),
  {
    id: '232',
    title: 'TCP_DEFER_ACCEPT: a client that says nothing: its state / accept / waiting',
    expected: 'ESTABLISHED / EAGAIN / 0',
    run: (s) => {
      const fd = deferring(s);
      const client = connected(s, nameOf(fd));
      return answers(
        stateOf(client),
        outcome(() => s.own(acceptNow(fd).fd)),
        queueOf(fd).waiting,
      );
    },
  },
  {
    id: '233',
    title: 'TCP_DEFER_ACCEPT: then the client sends: accept / recv',
    expected: 'ok / hello',
    run: (s) => {
      const fd = deferring(s);
      const client = connected(s, nameOf(fd));
      sendText(client, 'hello');
      const server = accepted(s, fd);
      return answers('ok', receivedSoon(server));
    },
  },
  {
    id: '234',
    title: 'TCP_DEFER_ACCEPT: 3 s, and the client never sends: accept gives it after that time',
    expected: 'ok, not before 3 s',
    slow: true,
    run: (s) => {
      const fd = deferring(s);
      const start = performance.now();
      connected(s, nameOf(fd));
      sys.poll([{ fd, events: sys.POLLIN }], 15_000);
      const early = performance.now() - start < 2900;
      return `${acceptOne(s, fd)}, ${early ? 'before' : 'not before'} 3 s`;
    },
  },
  silentClients('236', 0, '3 / 0'),
  silentClients('237', 1, '6 / 3'),
  lateOverflow('238', 0, '3; 8 x ESTABLISHED EAGAIN; +5'),
  lateOverflow('2.2 abort', 1, '3; 5 x CLOSE ECONNRESET, 3 x ESTABLISHED EAGAIN; +5'),
  {
    id: '357',
    title:
      'TCP_DEFER_ACCEPT: a half-open connection: waiting/limit of the listener; its entry in /proc/net/tcp',
    expected: '0/16; SYN_RECV',
    run: (s) => {
      const fd = deferring(s);
      connected(s, nameOf(fd));
      const halfOpen = (): boolean =>
        tcpLines().some(({ localPort, state }) => localPort === portOf(fd) && state === '03');
      return `${queueText(fd)}; ${eventually(halfOpen) ? 'SYN_RECV' : 'none'}`;
    },
  },
];

export const deferAcceptFacts = group('defer-accept', facts);
