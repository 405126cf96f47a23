import { acceptLoop, type AcceptLoop, type Connection, type Listener } from 'listenq';
import type { Clients } from './clients';
import { placeOf } from './place';
import type { Service } from './service';

export interface Plan {
  /** Whoever is being served is among them; the caller may cut them off. */
  clients: Clients;
  service: Service;
  /** How many are served at a time; the others wait in the kernel's queue. */
  maxConnections: number;
  /** Whether clients may leave that queue before they are served. */
  acceptAhead: boolean;
  /** How long those who are there may go on once it is to end. */
  drainMs: number;
  /** A line for each client. */
  verbose: boolean;
  say: (line: string) => void;
}

/**
 * Serves until there is a signal. Then it serves who is queued already, and cuts off who is still there when time is up.
 *
 * @returns rejects with what made the accept loop fail
 */
export async function serveUntil(
  signal: Promise<NodeJS.Signals>,
  listener: Listener,
  plan: Plan,
): Promise<void> {
  const { clients, acceptAhead, maxConnections, drainMs, say } = plan;
  const loop = acceptLoop(listener, acceptAhead ? {} : { highWaterMark: 0 });
  loop.on('shortage', (error) => say(error.message));
  try {
    const name = await Promise.race([signal, serveAll(loop, plan)]);
    const deadline = performance.now() + drainMs;
    say(`${name}: ending, within ${drainMs} ms; a second signal ends it at once`);
    const { untaken } = await loop.close({ drain: maxConnections > 0, timeoutMs: drainMs });
    await clients.fewerThan(1, Math.max(0, deadline - performance.now()));
    const lost = untaken + clients.count;
    if (lost > 0) say(`${lost} cut off`);
  } finally {
    clients.cut();
  }
}

/** Takes clients for as long as the loop has any; ends only with its error. */
async function serveAll(loop: AcceptLoop, plan: Plan): Promise<never> {
  for (;;) {
    await plan.clients.fewerThan(plan.maxConnections);
    await begin(await loop.accept(), plan);
  }
}

/** Begins to serve one client. That it could not be is said, and is no matter of the others. */
async function begin(connection: Connection, { clients, service, verbose, say }: Plan): Promise<void> {
  const tell = (what: string): void => say(`${placeOf(connection.remoteAddress)}: ${what}`);
  const fail = (error: Error): void => tell(error.message);
  try {
    const served = service(connection);
    clients.add(served);
    served.ended.then(verbose ? tell : undefined, fail);
    await served.begun;
  } catch (error) {
    connection.close();
    fail(error as Error);
  }
}
