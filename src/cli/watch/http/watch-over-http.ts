import type { IncomingMessage } from 'node:http';
import * as os from 'node:os';
import { troubles } from '../table';
import { watch, type Plan } from '../watcher';
import { sampleMessage, whoOf } from './encode';
import type { Roster } from './messages';
import { Reader } from './reader';
import { Recent } from './recent';
import { isLoopback, serve, urlOf, type Place } from './server';

/**
 * Takes samples until the plan is done or the signal comes, and serves a page that shows them. There is one sampler for
 * all who look, and it goes on while nobody does.
 */
export async function watchOverHttp(plan: Plan, place: Place, signal: AbortSignal): Promise<void> {
  const [run, recent, readers] = [Date.now().toString(36), new Recent(), new Set<Reader>()];
  let roster = '';
  const server = await serve(place, (request, response) => {
    const reader = new Reader(response, recent, seenBy(request, run));
    readers.add(reader);
    response.on('close', () => readers.delete(reader));
    reader.update(roster);
  });
  try {
    process.stdout.write(`listening on ${urlOf(server, place)}\n`);
    if (!isLoopback(server)) {
      process.stderr.write('listenq: warning: anybody who reaches that port can read what it shows\n');
    }
    await watch(plan, signal, (view) => {
      const { listeners } = view.sample;
      roster = event('roster', {
        run,
        host: os.hostname(),
        ports: plan.ports ?? null,
        listeners: listeners.map(whoOf),
        problems: troubles(view.sample),
      } satisfies Roster);
      const data = sampleMessage(view);
      recent.add(view.sample.at, (number) => `id: ${run}.${number}\n${event('sample', data)}`);
      for (const reader of readers) reader.update(roster);
    });
  } finally {
    for (const reader of readers) reader.end();
    server.close();
    server.closeAllConnections();
  }
}

function event(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** The number of the last sample that a page has seen which comes back; 0 for a new one, or one of an earlier run. */
function seenBy({ headers }: IncomingMessage, run: string): number {
  const [, of, number] = /^(\w+)\.(\d+)$/.exec(String(headers['last-event-id'] ?? '')) ?? [];
  return of === run ? Number(number) : 0;
}
