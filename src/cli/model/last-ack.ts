import type { BacklogExplanation } from 'listenq/kernel';
import * as sys from 'listenq/syscalls';
import { within } from '../conformance/outcome';
import type { Scope } from '../conformance/scope';
import { connected, listener, nameOf, queueOf, received, sendText, stateOf } from '../conformance/sockets';
import type { Case, Settings } from './case';
import { cookieAck } from './cookie-ack';
import { counted, foretold } from './counted';
import { applySettings } from './settings';
import type { Comparison, Values } from './verdict';

/** Clients that find no room for their last ACK. */
const SURPLUS = 5;
/** Data that was not taken is sent again after 200 ms, and would count again. */
const BEFORE_RETRIES_MS = 150;
/** Seconds; longer than it takes. */
const DEFERRED_S = 10;
/** What lets any number of handshakes be under way. */
const ROOMY: Settings = { somaxconn: 65535, tcpSyncookies: 1 };

/** Handshakes under way while the queue fills. */
export function lastAck(s: Scope, one: Case, predicted: BacklogExplanation): Comparison {
  return (one.settings.tcpSyncookies === 2 ? cookieAck : storedAck)(s, one, predicted);
}

/** A listener with TCP_DEFER_ACCEPT leaves handshakes under way until data comes, and its backlog is lowered before that. */
function storedAck(
  s: Scope,
  { backlog, settings }: Case,
  { tcp: { backlog: limit, lastAck: predicted } }: BacklogExplanation,
): Comparison {
  const waiting = limit + 1;
  return {
    predicted: {
      waiting,
      ...foretold(predicted.counters, SURPLUS),
      ...sights(predicted.sees === 'reset' ? 'CLOSE ECONNRESET' : 'ESTABLISHED EAGAIN', waiting),
    },
    found: within(BEFORE_RETRIES_MS, (watch) => {
      applySettings(ROOMY);
      const fd = listener(s, {
        backlog: waiting + SURPLUS,
        before: (socket) => {
          sys.setsockopt(socket, sys.IPPROTO_TCP, sys.TCP_DEFER_ACCEPT, DEFERRED_S);
        },
      });
      const clients = Array.from({ length: waiting + SURPLUS }, () => connected(s, nameOf(fd)));
      applySettings(settings);
      sys.listen(fd, backlog);
      watch.start();
      const grown = counted(() => {
        for (const client of clients) sendText(client, 'data');
      });
      watch.stop();
      const found = { waiting: queueOf(fd).waiting, ...grown, ...tally(clients) };
      for (const client of clients) s.close(client);
      s.close(fd);
      return found;
    }),
  };
}

function sights(losers: string, winners: number): Values {
  const winning = 'ESTABLISHED EAGAIN';
  return losers === winning ? { [winning]: winners + SURPLUS } : { [winning]: winners, [losers]: SURPLUS };
}

/** How many clients are in each state, and receive what. */
function tally(clients: readonly number[]): Values {
  const counts: Record<string, number> = {};
  for (const client of clients) {
    const sight = `${stateOf(client)} ${received(client)}`;
    counts[sight] = (counts[sight] ?? 0) + 1;
  }
  return counts;
}
