import type { EventEmitter } from 'node:events';
import { inspect } from 'node:util';
import type { Listener } from '../socket/listener';

/** The listeners of a loop, as a list; called with the name of an event, what an EventEmitter's `listeners` returns. */
export type ListenerList<Events extends Record<keyof Events, unknown[]>> = readonly Listener[] &
  EventEmitter<Events>['listeners'];

/**
 * An accept loop has `listeners`, and so has every EventEmitter: this is both. All of an array's methods work on it;
 * Array.isArray alone says no.
 */
export function listenerList<Events extends Record<keyof Events, unknown[]>>(
  of: readonly Listener[],
  ofEvent: (event: string | symbol) => unknown,
): ListenerList<Events> {
  const list = (event: string | symbol): unknown => ofEvent(event);
  Object.setPrototypeOf(list, Array.prototype);
  Object.defineProperty(list, 'name', { value: 'listeners' });
  Object.defineProperties(list, {
    length: { value: of.length },
    ...Object.fromEntries(of.map((value, index) => [index, { value, enumerable: true }])),
    [inspect.custom]: { value: () => of },
    [Symbol.isConcatSpreadable]: { value: true },
    toJSON: { value: () => of },
  });
  return list as unknown as ListenerList<Events>;
}
