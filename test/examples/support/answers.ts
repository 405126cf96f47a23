import * as http from 'node:http';
import * as net from 'node:net';
import { text } from 'node:stream/consumers';

const PATIENCE_MS = 20_000;

export interface Answer {
  status: number | undefined;
  body: string;
}

/** GET on a connection of its own. Rejects when there is no whole answer. */
export function get(port: number | string, target: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: target, agent: false, timeout: PATIENCE_MS };
    const request = http.get(options, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode, body: body.trim() }), reject);
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)));
    request.on('error', reject);
  });
}

/** What a server says to whoever connects, to its end. */
export async function said(port: number | string): Promise<string> {
  return (await text(net.connect(Number(port), '127.0.0.1'))).trim();
}

/** A request every 20 ms, whatever becomes of the others. */
export class Traffic {
  readonly #requests: Promise<Answer>[] = [];
  readonly #timer: NodeJS.Timeout;
  /** How often each body has come. */
  readonly bodies = new Map<string, number>();

  constructor(port: number, target: string) {
    this.#timer = setInterval(() => {
      const request = get(port, target);
      this.#requests.push(request);
      request.then(
        ({ body }) => this.bodies.set(body, (this.bodies.get(body) ?? 0) + 1),
        () => undefined, // all() tells
      );
    }, 20);
  }

  /** Ends it, and waits for what is under way. */
  async all(): Promise<PromiseSettledResult<Answer>[]> {
    this.stop();
    return Promise.allSettled(this.#requests);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
