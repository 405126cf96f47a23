import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as http from 'node:http';
import { createInterface } from 'node:readline';
import type { Roster, SampleMessage } from '../../dist/cli/watch/http/messages';
import { MAIN } from './command-line';

/** A running `listenq watch --http`. */
export interface PageServer {
  process: ChildProcess;
  /** As it was printed. */
  url: string;
  port: number;
  /** All of its standard error so far. */
  stderr: () => string;
  /** Resolves when it has ended, with how. */
  ended: Promise<[status: number | null, signal: NodeJS.Signals | null]>;
}

/** Runs a test with a page, on a port of the kernel's choice; it is killed if the test leaves it. */
export async function withPageServer(
  args: readonly string[],
  use: (server: PageServer) => Promise<void>,
): Promise<void> {
  const child = spawn(process.execPath, [MAIN, 'watch', '--http', '0', '--interval', '0.1', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = once(child, 'close') as PageServer['ended'];
  try {
    const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), ended])) as [unknown];
    const url = /^listening on (http:\S+:(\d+)\/)$/.exec(String(line));
    if (url === null) throw new Error(`it did not listen: ${String(line)} ${stderr}`);
    await use({ process: child, url: url[1] ?? '', port: Number(url[2]), stderr: () => stderr, ended });
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** One request on a connection of its own. */
export async function ask(
  port: number,
  path: string,
  options: Omit<http.RequestOptions, 'headers'> & { headers?: Record<string, string> } = {},
): Promise<Answer> {
  const request = http.request({ host: '127.0.0.1', port, path, agent: false, ...options }).end();
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  let body = '';
  // Of a stream of events the head is enough.
  if (String(response.headers['content-type']).startsWith('text/event-stream')) response.destroy();
  else for await (const chunk of response.setEncoding('utf8')) body += String(chunk);
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

export type PageEvent =
  { event: 'roster'; id: undefined; data: Roster } | { event: 'sample'; id: string; data: SampleMessage };

/** Follows the events as a browser does, but for coming back. */
export async function* eventsOf(
  port: number,
  headers: Record<string, string> = {},
): AsyncGenerator<PageEvent, undefined> {
  const request = http.get({ host: '127.0.0.1', port, path: '/events', agent: false, headers });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    text += String(chunk);
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    yield* blocks.filter((block) => !block.startsWith('retry:')).map(eventOf);
  }
}

function eventOf(block: string): PageEvent {
  const fields = new Map(
    block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]),
  );
  const data: unknown = JSON.parse(fields.get('data') ?? '');
  return { event: fields.get('event'), id: fields.get('id'), data } as PageEvent;
}

/** The first events until one is as wanted, that one included. */
export async function eventsUntil(
  events: AsyncIterable<PageEvent>,
  isWanted: (event: PageEvent) => boolean,
): Promise<PageEvent[]> {
  const seen: PageEvent[] = [];
  for await (const event of events) {
    seen.push(event);
    if (isWanted(event)) return seen;
  }
  throw new Error(`the stream ended after ${seen.length} events`);
}

export function samplesOf(
  events: readonly PageEvent[],
): { number: number; run: string; data: SampleMessage }[] {
  return events.flatMap(({ event, id, data }) => {
    if (event !== 'sample') return [];
    const [run = '', number] = id.split('.');
    return [{ number: Number(number), run, data }];
  });
}

/** The same events, which do not end with the loop that takes some. */
export function keepOpen<T>(events: AsyncGenerator<T, undefined>): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: () => ({ next: () => events.next() }) };
}
