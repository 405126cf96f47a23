import type { Fact } from './fact';
import { acceptFacts } from './facts/accept';
import { admissionFacts } from './facts/admission';
import { backlogFacts } from './facts/backlog';
import { bindFacts } from './facts/bind';
import { connectFacts } from './facts/connect';
import { counterFacts } from './facts/counters';
import { deferAcceptFacts } from './facts/defer-accept';
import { dualStackFacts } from './facts/dual-stack';
import { dupFacts } from './facts/dup';
import { fastOpenFacts } from './facts/fast-open';
import { inheritanceFacts } from './facts/inheritance';
import { listenFacts } from './facts/listen';
import { nameFacts } from './facts/names';
import { optionFacts } from './facts/options';
import { pollFacts } from './facts/poll';
import { portFacts } from './facts/ports';
import { reuseFacts } from './facts/reuse';
import { shutdownCloseFacts } from './facts/shutdown-close';
import { socketFacts, socketpairFacts } from './facts/socket';
import { tcpInfoFacts } from './facts/tcp-info';
import { transferFacts } from './facts/transfer';
import { unixFacts } from './facts/unix';

/** Every fact, in the order of the subjects. */
export const FACTS: readonly Fact[] = [
  ...socketFacts,
  ...socketpairFacts,
  ...bindFacts,
  ...portFacts,
  ...listenFacts,
  ...backlogFacts,
  ...admissionFacts,
  ...acceptFacts,
  ...inheritanceFacts,
  ...deferAcceptFacts,
  ...shutdownCloseFacts,
  ...connectFacts,
  ...reuseFacts,
  ...dualStackFacts,
  ...unixFacts,
  ...tcpInfoFacts,
  ...pollFacts,
  ...transferFacts,
  ...optionFacts,
  ...nameFacts,
  ...dupFacts,
  ...fastOpenFacts,
  ...counterFacts,
];

/** The subjects, in order. */
export const GROUPS: readonly string[] = [...new Set(FACTS.map((fact) => fact.group))];

export function factsOf(group: string): Fact[] {
  return FACTS.filter((fact) => fact.group === group);
}
