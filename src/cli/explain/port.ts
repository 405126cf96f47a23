import type { PortAdvice } from 'listenq/kernel';
import type { Answer } from './answer';

/** Whether a port is a good one to listen on. */
export function answerOnPort({ port, service, advice, why }: PortAdvice): Answer {
  const named = service === undefined ? [] : [`/etc/services calls it ${service}.`];
  const good = [
    'Nothing speaks against it: it needs no rights, and the kernel gives it to nobody who has not asked for it.',
  ];
  const unknown = Object.entries(why).map(([field, reason]) => `Not known: ${field} (${reason}).`);
  const plain = advice.length === 0 && unknown.length === 0;
  return {
    question: `Is ${port} a good port to listen on?`,
    sentences: [...named, ...(plain ? good : advice), ...unknown],
  };
}
