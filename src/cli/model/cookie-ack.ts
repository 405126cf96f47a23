import type { BacklogExplanation } from 'listenq/kernel';
import { eventually } from '../conformance/outcome';
import type { Scope } from '../conformance/scope';
import { listener, nameOf, portOf, queueOf } from '../conformance/sockets';
import type { Case } from './case';
import { counted, foretold } from './counted';
import { admit } from './filling';
import { RawAnswers } from './raw-answers';
import { SETTLES_MS, SynSender } from './raw-syn';
import type { Comparison } from './verdict';

/** Clients that find no room for their last ACK. */
const SURPLUS = 5;

/** Clients that were answered with a cookie, and complete their handshakes when others have filled the queue. */
export function cookieAck(
  s: Scope,
  { backlog }: Case,
  { tcp: { waiting, lastAck } }: BacklogExplanation,
): Comparison {
  const fd = listener(s, { backlog });
  const clients = new SynSender(s, portOf(fd));
  const before = new RawAnswers(s, portOf(fd));
  clients.send(SURPLUS);
  eventually(() => before.read().synAcks.length >= SURPLUS, SETTLES_MS);
  before.close();
  admit(s, nameOf(fd), waiting);
  const after = new RawAnswers(s, portOf(fd));
  const grown = counted((growth) => {
    for (const { to, sequence } of before.synAcks) clients.acknowledge(to, sequence);
    eventually(() => Number(growth()['listenDrops']) >= SURPLUS, SETTLES_MS);
  });
  const { resets } = after.read();
  return {
    predicted: {
      waiting,
      cookies: SURPLUS,
      ...foretold(lastAck.counters, SURPLUS),
      resets: lastAck.sees === 'reset' ? SURPLUS : 0,
    },
    found: { waiting: queueOf(fd).waiting, cookies: before.synAcks.length, ...grown, resets },
  };
}
