import type { BacklogExplanation } from 'listenq/kernel';
import { tcpLines } from '../conformance/counters';
import { eventually } from '../conformance/outcome';
import type { Scope } from '../conformance/scope';
import { dropsOf, knocking, listener, nameOf, portOf, queueOf, stateOf } from '../conformance/sockets';
import type { Case, Settings } from './case';
import { counted, foretold } from './counted';
import { admit } from './filling';
import { SETTLES_MS, SynSender } from './raw-syn';
import { applySettings } from './settings';
import type { Comparison, Values } from './verdict';

/** SYNs beyond those that fit. */
const SURPLUS = 20;

/** Ports that the kernel does not choose from for the clients. */
const PORTS = { first: 1024, count: 30_000 };
let ports = 0;

/** Another port each time: half-open connections outlive their listener by a second, and are counted by its port. */
function freshPort(): number {
  return PORTS.first + (ports++ % PORTS.count);
}

/** Fills the SYN queue from addresses that never answer, sends more, and lets an honest client come. */
export function synQueue(s: Scope, { backlog, waiting }: Case, { tcp }: BacklogExplanation): Comparison {
  const { most, counters, honestClient } = tcp.halfOpen;
  const fd = listener(s, { backlog, port: freshPort() });
  admit(s, nameOf(fd), waiting ?? 0);
  return {
    predicted: { halfOpen: most, ...foretold(counters, SURPLUS), honestClient },
    found: { ...flood(s, fd, most + SURPLUS), halfOpen: halfOpen(fd), honestClient: honest(s, fd) },
  };
}

/** What lets every client in while the accept queue is filled. */
const OPEN: Settings = { tcpSyncookies: 1 };

/** Fills the accept queue; then come SYNs from addresses that never answer, and an honest client. */
export function fullQueue(s: Scope, { backlog, settings }: Case, { tcp }: BacklogExplanation): Comparison {
  const fd = listener(s, { backlog, port: freshPort() });
  applySettings(OPEN);
  admit(s, nameOf(fd), tcp.backlog + 1);
  applySettings(settings);
  return {
    predicted: {
      halfOpen: 0,
      ...foretold(tcp.halfOpen.whileQueueFull.counters, SURPLUS),
      honestClient: 'silence',
    },
    found: { ...flood(s, fd, SURPLUS), halfOpen: halfOpen(fd), honestClient: honest(s, fd) },
  };
}

/** What moves when so many SYNs come; those that fit move nothing. */
function flood(s: Scope, fd: number, count: number): Values {
  const senders = new SynSender(s, portOf(fd));
  return counted((grown) => {
    senders.send(count);
    eventually(() => {
      const { listenDrops, syncookiesSent } = grown();
      return Number(listenDrops) + Number(syncookiesSent) >= SURPLUS;
    }, SETTLES_MS);
  });
}

/** Entries of the listener's port in the state SYN_RECV. */
function halfOpen(fd: number): number {
  const port = portOf(fd);
  return tcpLines().filter(({ localPort, state }) => localPort === port && state === '03').length;
}

/** How a client fares that answers, in the model's words. */
function honest(s: Scope, fd: number): string {
  const before = queueOf(fd).waiting + dropsOf(fd);
  const client = knocking(s, nameOf(fd));
  eventually(() => queueOf(fd).waiting + dropsOf(fd) > before, SETTLES_MS);
  const state = stateOf(client);
  return { ESTABLISHED: 'connects', SYN_SENT: 'silence' }[state] ?? state;
}
