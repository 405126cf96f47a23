import * as fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { getSystemErrorName } from 'node:util';
import type { BacklogExplanation } from 'listenq/kernel';
import * as sys from 'listenq/syscalls';
import type { Scope } from '../conformance/scope';
import { knocking, listener, nameOf, pendingError, portOf } from '../conformance/sockets';
import type { Case } from './case';
import { SynSender } from './raw-syn';
import type { Comparison } from './verdict';

/** How often the kernel is looked at. */
const GLANCE_MS = 10;
/** The kernel's timers come up to an eighth late, each after the one before. */
const LATENESS = 1 / 8;
/** Besides, for the time between a packet and a reading of the clock. */
const SLACK_MS = 150;

/** A moment lies between two glances, in milliseconds after the first SYN. */
interface Moment {
  after: number;
  before: number;
}

/** A file of /proc/net, which shows the network namespace that it was opened in, wherever the thread goes. */
class NetFile {
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(65536);

  constructor(s: Scope, name: string) {
    this.#fd = s.openFile(`/proc/thread-self/net/${name}`);
  }

  lines(): string[] {
    let length = 0;
    // A read gives about a page at most, however much there is.
    for (let got = -1; got !== 0; length += got) {
      got = fs.readSync(this.#fd, this.#buffer, length, this.#buffer.length - length, length);
    }
    return this.#buffer.toString('latin1', 0, length).trimEnd().split('\n');
  }
}

/** When a client that finds the accept queue full sends its SYN again, by ListenOverflows, and when it gives up. */
export async function synTimes(
  s: Scope,
  { backlog }: Case,
  { tcp }: BacklogExplanation,
): Promise<Comparison> {
  const { retriesMs, givesUpMs = 0 } = tcp.next;
  const netstat = new NetFile(s, 'netstat');
  const fd = listener(s, { backlog });
  const waiting = Array.from({ length: tcp.waiting }, () => knocking(s, nameOf(fd)));
  const start = performance.now();
  const client = knocking(s, nameOf(fd));
  const retries: Moment[] = [];
  let gaveUp: Moment | undefined;
  await glance(start, latest(givesUpMs), (moment) => {
    // The first is the one that was just sent.
    while (overflows(netstat) > retries.length + 1) retries.push(moment);
    if (sys.poll([{ fd: client, events: 0 }], 0).length > 0) gaveUp = moment;
    return gaveUp !== undefined;
  });
  const errno = pendingError(client);
  for (const one of [...waiting, client, fd]) s.close(one);
  return {
    predicted: { retriesMs: retriesMs.join(', '), givesUpMs, error: 'ETIMEDOUT' },
    found: {
      retriesMs: retries.map((moment, i) => nominal(moment, retriesMs[i])).join(', '),
      givesUpMs: nominal(gaveUp, givesUpMs),
      error: errno === 0 ? 'none' : getSystemErrorName(-errno),
    },
  };
}

/** When the half-open connection of a client that never answers is gone. */
export async function halfOpenLife(
  s: Scope,
  { backlog }: Case,
  { tcp }: BacklogExplanation,
): Promise<Comparison> {
  const { lifeMs } = tcp.halfOpen;
  const { count, start } = flooded(s, backlog, 1);
  const sent = count();
  let gone: Moment | undefined;
  await glance(start, latest(lifeMs), (moment) => {
    if (count() === 0) gone = moment;
    return gone !== undefined;
  });
  return { predicted: { sent: 1, lifeMs }, found: { sent, lifeMs: nominal(gone, lifeMs) } };
}

/** How far, and when first, a full SYN queue is thinned. */
export async function crowded(s: Scope, { backlog }: Case, { tcp }: BacklogExplanation): Promise<Comparison> {
  const { most, crowded: rule } = tcp.halfOpen;
  const { count, start } = flooded(s, backlog, most);
  const sent = count();
  let thinned: Moment | undefined;
  let left = sent;
  await glance(start, latest(rule.lifeMs), (moment) => {
    left = count();
    if (left < sent) thinned ??= moment;
    return false;
  });
  return {
    predicted: { sent: most, thinnedMs: rule.lifeMs, left: rule.above },
    found: { sent, thinnedMs: nominal(thinned, rule.lifeMs), left },
  };
}

/** Half-open connections, and how to count those that are left. */
function flooded(s: Scope, backlog: number, clients: number): { count: () => number; start: number } {
  const table = new NetFile(s, 'tcp');
  const fd = listener(s, { backlog });
  const end = portOf(fd).toString(16).toUpperCase().padStart(4, '0');
  const halfOpen = new RegExp(`^ *\\d+: \\w+:${end} \\w+:\\w+ 03 `);
  const start = performance.now();
  new SynSender(s, portOf(fd)).send(clients);
  return { start, count: () => table.lines().filter((line) => halfOpen.test(line)).length };
}

/** Looks again and again, until there is nothing more to see or it is too late. */
async function glance(start: number, until: number, look: (moment: Moment) => boolean): Promise<void> {
  let after = 0;
  for (;;) {
    await sleep(GLANCE_MS);
    const before = performance.now() - start;
    if (look({ after, before }) || before > until) return;
    after = before;
  }
}

function latest(nominally: number): number {
  return nominally * (1 + LATENESS) + SLACK_MS;
}

/** The predicted time, if the moment fits it; else when it was. */
function nominal(moment: Moment | undefined, predicted: number | undefined): number | string {
  if (moment === undefined) return 'never';
  const fits =
    predicted !== undefined && moment.before >= predicted - SLACK_MS && moment.after <= latest(predicted);
  return fits ? predicted : Math.round(moment.before);
}

function overflows(netstat: NetFile): number {
  const [names, values] = netstat.lines().filter((line) => line.startsWith('TcpExt: '));
  const at = names?.split(' ').indexOf('ListenOverflows') ?? -1;
  return Number(values?.split(' ')[at]);
}
