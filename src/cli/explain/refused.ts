import type { BacklogExplanation } from 'listenq/kernel';
import { counted } from '../words';
import type { Answer } from './answer';
import { growth, listed, seconds } from './words';

/** What becomes of a client that finds the accept queue full. */
export function nextClient(explanation: BacklogExplanation): Answer {
  const { next } = explanation.tcp;
  const question = 'What does the next client see?';
  const moved = growth(next.counters);
  switch (next.sees) {
    case 'silence':
      return { question, sentences: [...silence(next), `Each SYN moves ${moved}.`, lastAck(explanation)] };
    case 'ghost':
      return {
        question,
        sentences: [
          'Its connect() succeeds, but nobody accepts it until there is room and it sends again.',
          `Each ACK moves ${moved}.`,
        ],
      };
    case 'reset':
      return {
        question,
        sentences: [
          'Its connect() succeeds, and then it is reset: ECONNRESET, as net.ipv4.tcp_abort_on_overflow is set.',
          `Each ACK moves ${moved}.`,
        ],
      };
  }
}

function silence({ retriesMs, givesUpMs }: BacklogExplanation['tcp']['next']): string[] {
  const again =
    retriesMs.length === 0
      ? 'It does not try again'
      : `It tries again after ${listed(retriesMs.map(seconds))} s`;
  return [
    'Silence: its SYN is dropped, and connect() waits. ECONNREFUSED is for a port that nobody listens on.',
    `${again}, and gets in if there is room by then; after ${seconds(givesUpMs ?? NaN)} s connect() fails with ` +
      'ETIMEDOUT. That is a client with the same sysctls, whose timers come up to an eighth late.',
  ];
}

/** The client that was let in when there was room, and finds none at the end of its handshake. */
function lastAck({ tcp, limits: { tcpAbortOnOverflow, tcpSyncookies } }: BacklogExplanation): string {
  const abort = `net.ipv4.tcp_abort_on_overflow is ${tcpAbortOnOverflow}`;
  const believes = 'believes that it is connected, and gets in if there is room when it sends again';
  if (tcp.lastAck.sees === 'silence') {
    const spared = tcpAbortOnOverflow === 0 ? '' : `: it has a cookie, and is never reset, although ${abort}`;
    return `A client whose handshake was under way when the queue filled ${believes}${spared}.`;
  }
  const spared = tcpSyncookies === 0 ? '' : `; not one that was answered with a cookie, which ${believes}`;
  return `Only a client whose handshake was under way when the queue filled is reset, as ${abort}${spared}.`;
}

/** The SYN queue. */
export function halfOpen({ tcp: { halfOpen: queue, next }, limits }: BacklogExplanation): Answer {
  const sentences = ['They are counted apart, in the SYN queue.', bound(queue, limits)];
  if (queue.beyond === 'cookie') {
    sentences.push(
      'A SYN beyond is answered with a cookie, for which nothing is stored, so that an honest client still connects; it ' +
        `moves ${growth(queue.counters)}.`,
      `net.ipv4.tcp_max_syn_backlog = ${limits.tcpMaxSynBacklog} plays no part while net.ipv4.tcp_syncookies is ` +
        `${limits.tcpSyncookies}.`,
    );
  } else {
    sentences.push(
      `A SYN beyond is dropped, as net.ipv4.tcp_syncookies is 0; it moves ${growth(queue.counters)}.`,
    );
  }
  if (queue.most > 0)
    sentences.push(`One whose client never answers is gone after some ${seconds(queue.lifeMs)} s.`);
  if (next.sees === 'silence')
    sentences.push('While the accept queue is full, each new SYN is dropped, cookies or not.');
  return { question: 'And half-open connections?', sentences };
}

function bound(
  { most, boundBy }: BacklogExplanation['tcp']['halfOpen'],
  { tcpMaxSynBacklog }: BacklogExplanation['limits'],
): string {
  const room = `${most === 0 ? 'No handshake' : counted(most, 'handshake')} may be under way`;
  switch (boundBy) {
    case 'backlog':
      return `${room}, which follows from the backlog as well.`;
    case 'net.ipv4.tcp_max_syn_backlog':
      return tcpMaxSynBacklog < 0
        ? `${room}, as ${boundBy} = ${tcpMaxSynBacklog} is negative.`
        : `${room}, three quarters of ${boundBy} = ${tcpMaxSynBacklog}, rounded up, and one more: the rest is kept for ` +
            'clients that are known.';
    case 'net.ipv4.tcp_syncookies':
      return 'None is stored: net.ipv4.tcp_syncookies = 2 has each SYN answered with a cookie.';
  }
}
