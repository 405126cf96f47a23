import { listen, type Listener } from 'listenq';
import * as sys from 'listenq/syscalls';
import { growth } from '../counters';
import { group, type FactBody } from '../fact';
import { eventually, within, type Stopwatch } from '../outcome';
import type { Scope } from '../scope';
import { countOf, knocking } from '../sockets';
import { unixName, unixSocket } from '../unix-sockets';

const BACKLOGS = [-1, 0, 1, 2, 5, 128, 4096, 65536];
const SOMAXCONNS = [0, 1, 128, 4096, 2147483647];
/** Clients beyond those that the rule lets in. */
const SURPLUS = 9;
/** With more than this admitted a cell takes seconds and more descriptors than most processes may have. */
const FILLED_UP_TO = 4097;
const FEW = 10;
/** The first SYN that was dropped is sent again after a second, and would count twice. */
const BEFORE_RETRIES_MS = 900;

interface Cell {
  backlog: number;
  somaxconn: number;
  abortOnOverflow?: 1;
}

/** min((unsigned) backlog, somaxconn): one more than this can wait. */
function effective({ backlog, somaxconn }: Cell): number {
  return Math.min(backlog >>> 0, somaxconn);
}

function planOf(cell: Cell): { clients: number; admitted: number } {
  const all = effective(cell) + 1;
  return all > FILLED_UP_TO ? { clients: FEW, admitted: FEW } : { clients: all + SURPLUS, admitted: all };
}

function dealtWith(listener: Listener): number {
  const { length, drops } = listener.queue();
  return length + (drops ?? 0);
}

/**
 * Clients one after another: those that come at once from two CPUs can put one more into the queue. The watch runs from
 * the first one that is refused.
 */
function fill(s: Scope, listener: Listener, clients: number, watch: Stopwatch): number[] {
  const to = listener.address();
  return Array.from({ length: clients }, () => {
    const before = dealtWith(listener);
    if (listener.queue().drops === 0) watch.start();
    const fd = knocking(s, to);
    eventually(() => dealtWith(listener) > before);
    return fd;
  });
}

/** Admits and counts: as clients see it, as TCP_INFO has it, as accept then gives it, and what the counters say. */
function measure(s: Scope, cell: Cell, watch: Stopwatch): string {
  const listener = s.use(listen({ host: '127.0.0.1', backlog: cell.backlog }));
  let clients: number[] = [];
  const grown = growth(['ListenOverflows', 'ListenDrops'], () => {
    clients = fill(s, listener, planOf(cell).clients, watch);
  });
  watch.stop();
  const { length, limit } = listener.queue();
  const established = countOf(clients, 'ESTABLISHED');
  const waiting = countOf(clients, 'SYN_SENT');
  // The losers end first: a place that accept frees would let one in that tries again.
  for (const fd of clients.slice(established)) s.close(fd);
  let accepted = 0;
  for (let got = listener.tryAccept(); got !== null; got = listener.tryAccept()) {
    accepted += 1;
    got.reset();
  }
  listener.close();
  for (const fd of clients.slice(0, established)) s.close(fd);
  return describe(established, clients.length, length, limit, accepted, waiting, grown);
}

function describe(
  established: number,
  clients: number,
  length: number,
  limit: number,
  accepted: number,
  losers: number,
  grown: string,
): string {
  return `${established} of ${clients}; ${length}/${limit}; accepted ${accepted}; SYN_SENT ${losers}; overflows and drops ${grown}`;
}

function fact(cell: Cell): FactBody {
  const { clients, admitted } = planOf(cell);
  const limit = effective(cell);
  const losers = clients - admitted;
  const abort = cell.abortOnOverflow === undefined ? '' : ', tcp_abort_on_overflow 1';
  return {
    id: `2.1 ${cell.backlog}/${cell.somaxconn}${abort === '' ? '' : ' abort'}`,
    title: `listen: backlog ${cell.backlog}, somaxconn ${cell.somaxconn}${abort}: ${clients} clients in turn`,
    expected: describe(admitted, clients, admitted, limit, admitted, losers, `+${losers} / +${losers}`),
    needs: ['private network'],
    run: (s) => {
      s.sysctl('net.core.somaxconn', cell.somaxconn);
      if (cell.abortOnOverflow !== undefined) s.sysctl('net.ipv4.tcp_abort_on_overflow', 1);
      s.room(clients);
      return within(BEFORE_RETRIES_MS, (watch) => measure(s, cell, watch));
    },
  };
}

const cells = BACKLOGS.flatMap((backlog) => SOMAXCONNS.map((somaxconn) => ({ backlog, somaxconn })));

const aborting: Cell[] = [
  { backlog: -1, somaxconn: 128, abortOnOverflow: 1 },
  { backlog: 0, somaxconn: 4096, abortOnOverflow: 1 },
  { backlog: 5, somaxconn: 4096, abortOnOverflow: 1 },
  { backlog: 128, somaxconn: 128, abortOnOverflow: 1 },
];

function unixFact(type: 'stream' | 'seqpacket', backlog: number, somaxconn: number): FactBody {
  const admitted = effective({ backlog, somaxconn }) + 1;
  const seqpacket = type === 'seqpacket';
  return {
    id: `2.1 unix ${type} ${backlog}/${somaxconn}`,
    title: `listen: AF_UNIX ${type}, backlog ${backlog}, somaxconn ${somaxconn}: ${admitted + SURPLUS} clients`,
    expected: `${admitted} ok, ${SURPLUS} EAGAIN; ${admitted}/${admitted - 1}`,
    needs: ['private network'],
    run: (s) => {
      s.sysctl('net.core.somaxconn', somaxconn);
      const name = unixName();
      const listener = s.use(listen({ path: name.path, backlog, seqpacket }));
      const kind = seqpacket ? sys.SOCK_SEQPACKET : sys.SOCK_STREAM;
      const counts = new Map<string, number>();
      for (let i = 0; i < admitted + SURPLUS; i++) {
        const seen = knock(unixSocket(s, kind | sys.SOCK_NONBLOCK), name);
        counts.set(seen, (counts.get(seen) ?? 0) + 1);
      }
      const { length, limit } = listener.queue();
      return `${[...counts].map(([what, count]) => `${count} ${what}`).join(', ')}; ${length}/${limit}`;
    },
  };
}

function knock(fd: number, to: sys.Address): string {
  try {
    sys.connect(fd, to);
    return 'ok';
  } catch (error) {
    return (error as sys.SystemCallError).code;
  }
}

const unixFacts = (['stream', 'seqpacket'] as const).flatMap((type) =>
  [0, 1, 2, 5, 128, 65535].flatMap((backlog) =>
    [1, 128].map((somaxconn) => unixFact(type, backlog, somaxconn)),
  ),
);

export const admissionFacts = group('admission', [...cells, ...aborting].map(fact).concat(unixFacts));
