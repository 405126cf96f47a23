import type { View } from './table';

/** One sample as one line of JSON. What is not known is null, with the reason in `why`. */
export function jsonLine({ sample, rates }: Pick<View, 'sample' | 'rates'>): string {
  const { time, listeners, counters, problems } = sample;
  return JSON.stringify(
    {
      time: time.toISOString(),
      seconds: rates?.seconds,
      namespace: { counters, perSecond: rates?.namespace },
      listeners: listeners.map((socket) => ({ ...socket, perSecond: rates?.listeners.get(socket.inode) })),
      problems,
    },
    // A field that is left out would look like one that does not exist.
    nullForUndefined,
  );
}

function nullForUndefined(_: string, value: unknown): unknown {
  return value === undefined ? null : value;
}
