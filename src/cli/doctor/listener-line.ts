import { addressText, ownerText } from '../listener-text';
import type { Examined } from './examination';

/** '127.0.0.1:80 (node 17): 6 wait, limit 5, 4 drops'. */
export function listenerLine(socket: Examined): string {
  const { longest, limit, drops, droppedNow, synLength, protocol } = socket;
  const parts = [
    `${longest ?? '?'} wait`,
    `limit ${limit ?? '?'}`,
    ...(protocol === 'unix'
      ? []
      : [`${drops ?? '?'} drops${(droppedNow ?? 0) > 0 ? `, ${droppedNow} of them now` : ''}`]),
    ...(synLength === undefined || synLength === 0 ? [] : [`${synLength} half-open`]),
  ];
  return `${addressText(socket)} (${ownerText(socket)}): ${parts.join(', ')}`;
}
