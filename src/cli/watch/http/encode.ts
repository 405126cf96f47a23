import type { ListeningSocket } from 'listenq/kernel';
import { addressText, ownerText } from '../../listener-text';
import type { ListenerRates, Rates } from '../sample';
import type { View } from '../table';
import type { NamespaceRates, QueueRow, SampleMessage, Who } from './messages';

export function whoOf(socket: ListeningSocket): Who {
  return {
    id: socket.inode,
    address: addressText(socket),
    owner: ownerText(socket),
    isUnix: socket.protocol === 'unix',
  };
}

export function sampleMessage({ sample, rates }: View): SampleMessage {
  return {
    time: sample.time.getTime(),
    queues: sample.listeners.map((socket) => queueRow(socket, rates?.listeners.get(socket.inode))),
    namespace: namespaceRates(rates?.namespace),
  };
}

function queueRow(socket: ListeningSocket, rates: ListenerRates | undefined): QueueRow {
  const { inode, length, limit, synLength, drops } = socket;
  return [
    inode,
    length ?? null,
    limit ?? null,
    synLength ?? null,
    drops ?? null,
    rounded(rates?.drops),
    rounded(rates?.acceptedAtLeast),
  ];
}

function namespaceRates(rates: Rates['namespace']): NamespaceRates | null {
  if (rates === undefined) return null;
  const { passiveOpens, accepted, listenOverflows, listenDrops, syncookiesSent } = rates;
  return [passiveOpens, accepted, listenOverflows, listenDrops, syncookiesSent].map(
    rounded,
  ) as NamespaceRates;
}

/** Two decimals: more are never shown, and would be most of the message. */
function rounded(rate: number | undefined): number | null {
  return rate === undefined ? null : Math.round(rate * 100) / 100;
}
