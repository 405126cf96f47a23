import { listeners, portAdvice, type ListeningSocket, type PortAdvice } from 'listenq/kernel';
import { addressText, ownerText } from '../listener-text';
import type { Answer } from './answer';
import { listed } from './words';

/** What is known of a port. */
export interface PortFindings {
  advice: PortAdvice;
  /** Who listens on it here; undefined if that could not be read. */
  listening: ListeningSocket[] | undefined;
  /** Why not. */
  why: string | undefined;
}

/** Looks at a port and at who has it. @throws what portAdvice throws */
export function findOnPort(port: number): PortFindings {
  const advice = portAdvice(port);
  try {
    return { advice, listening: port === 0 ? [] : listeners({ port }), why: undefined };
  } catch (error) {
    return { advice, listening: undefined, why: (error as Error).message };
  }
}

/** Whether a port is a good one to listen on. */
export function answerOnPort({ advice: { port, service, advice, why }, ...found }: PortFindings): Answer {
  const named = service === undefined ? [] : [`/etc/services calls it ${service}.`];
  const good = [
    'Nothing speaks against it: it needs no rights, and the kernel gives it to nobody who has not asked for it.',
  ];
  const reasons = { ...why, ...(found.why !== undefined && { 'who listens on it': found.why }) };
  const unknown = Object.entries(reasons).map(([field, reason]) => `Not known: ${field} (${reason}).`);
  const against = [...takenBy(found.listening ?? []), ...advice];
  const plain = against.length === 0 && unknown.length === 0;
  return {
    question: `Is ${port} a good port to listen on?`,
    sentences: [...named, ...(plain ? good : against), ...unknown],
  };
}

function takenBy(sockets: readonly ListeningSocket[]): string[] {
  if (sockets.length === 0) return [];
  return [`It is taken: ${listed(sockets.map(whoAndWhere))}.`];
}

function whoAndWhere(socket: ListeningSocket): string {
  const owner = ownerText(socket);
  const who = owner === '?' || owner === '-' ? 'a process that cannot be seen from here' : owner;
  return `${who} listens at ${addressText(socket)}`;
}
