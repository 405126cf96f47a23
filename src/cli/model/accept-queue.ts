import type { BacklogExplanation } from 'listenq/kernel';
import { within } from '../conformance/outcome';
import type { Scope } from '../conformance/scope';
import { dropsOf, knockInTurn, listener, nameOf, queueOf, stateOf } from '../conformance/sockets';
import type { Case } from './case';
import { counted, foretold } from './counted';
import { admit } from './filling';
import type { Comparison, Values } from './verdict';

/** Clients that come when nobody can be admitted any more. */
const SURPLUS = 9;
/** The first SYN that was dropped is sent again after a second, and would count twice. */
const BEFORE_RETRIES_MS = 900;

/** Fills the accept queue of a TCP listener with clients in turn, and looks at those that come then. */
export function acceptQueue(s: Scope, { backlog, fillUpTo }: Case, { tcp }: BacklogExplanation): Comparison {
  const fd = listener(s, { backlog });
  admit(s, nameOf(fd), Math.min(tcp.waiting, fillUpTo));
  const filled = queueOf(fd).waiting;
  if (tcp.waiting > fillUpTo) {
    return {
      predicted: { backlog: tcp.backlog, waiting: fillUpTo },
      found: { backlog: queueOf(fd).limit, waiting: filled },
    };
  }
  const { sees, counters } = tcp.next;
  return {
    predicted: {
      backlog: tcp.backlog,
      waiting: tcp.waiting,
      next: sees,
      ...foretold(counters, SURPLUS),
      ownDrops: (counters['listenDrops'] ?? 0) * SURPLUS,
    },
    found: {
      backlog: queueOf(fd).limit,
      ...within(BEFORE_RETRIES_MS, () => surplus(s, fd)),
      waiting: queueOf(fd).waiting,
    },
  };
}

/** More clients, which find no room. */
function surplus(s: Scope, fd: number): Values {
  const { waiting } = queueOf(fd);
  const drops = dropsOf(fd);
  let clients: number[] = [];
  const grown = counted(() => {
    clients = knockInTurn(s, fd, SURPLUS);
  });
  const admitted = queueOf(fd).waiting > waiting;
  const seen = new Set(clients.map((client) => sight(client, admitted)));
  for (const client of clients) s.close(client);
  return { next: [...seen].join(', '), ...grown, ownDrops: dropsOf(fd) - drops };
}

/** In the model's words, how a client fares; `admitted`: the queue has grown. */
function sight(client: number, admitted: boolean): string {
  const state = stateOf(client);
  const words: Record<string, string> = {
    SYN_SENT: 'silence',
    ESTABLISHED: admitted ? 'admitted' : 'ghost',
    CLOSE: 'reset',
  };
  return words[state] ?? state;
}
