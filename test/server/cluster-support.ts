import assert from 'node:assert/strict';
import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import type { AcceptLoopOptions } from 'listenq';
import { limitsAt } from '../support/ss';
import { Client } from './side-by-side';

/** How a worker is to listen. */
export interface Order {
  /** createServer of this package, or attach, or node:net alone. */
  kind: 'drop-in' | 'attach' | 'net';
  /** Of listen(), or the options of attach. */
  args: unknown[];
  loop?: AcceptLoopOptions | boolean;
}

/** What a worker says of itself. */
export interface Answer {
  error?: string | undefined;
  address: string | net.AddressInfo;
  /** Whether it has an accept loop. */
  loop: boolean;
  /** Codes of the process warnings. */
  warnings: string[];
  served: number;
}

export interface Question {
  blockMs?: number;
}

export const SOMAXCONN = Number(fs.readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));

/** Backlogs that are asked for, and the limit that the kernel then shows; undefined: nothing asked. */
export const BACKLOGS: [asked: number | undefined, limit: number][] = [
  [0, 0],
  [1, 1],
  [5, 5],
  [200, 200],
  [-1, SOMAXCONN],
  [undefined, 511],
];

/** Has this process be the primary of workers that take orders; once, and before anything is forked. */
export function bePrimary(policy: number): void {
  cluster.schedulingPolicy = policy;
  cluster.setupPrimary({ exec: path.join(__dirname, 'cluster-worker.js') });
}

export async function answerOf(worker: Worker, question?: Question): Promise<Answer> {
  if (question !== undefined) worker.send(question);
  const [answer] = (await once(worker, 'message')) as [Answer];
  return answer;
}

/** Starts a worker, and waits until it listens, or was refused. */
export async function fork(order: Order): Promise<[Worker, Answer]> {
  const worker = cluster.fork({ LISTENQ_ORDER: JSON.stringify(order), NODE_OPTIONS: '' });
  return [worker, await answerOf(worker)];
}

/** Has workers go as a restart does, and checks that each ends by itself, without an error. */
export async function end(...workers: Worker[]): Promise<void> {
  await Promise.all(
    workers.map(async (worker) => {
      const exited = once(worker, 'exit');
      worker.disconnect();
      assert.deepEqual(await exited, [0, null]);
    }),
  );
}

/** Runs `use` with a worker for each order. */
export async function withWorkers<T>(
  orders: Order[],
  use: (answers: Answer[], workers: Worker[]) => Promise<T>,
): Promise<T> {
  const workers: Worker[] = [];
  try {
    const answers = [];
    for (const order of orders) {
      const [worker, answer] = await fork(order);
      workers.push(worker);
      answers.push(answer);
    }
    return await use(answers, workers);
  } finally {
    await end(...workers);
  }
}

/** The limits of the queues where a worker listens, as ss shows them to the primary. */
export function limitsOf({ address }: Answer): number[] {
  return limitsAt(typeof address === 'string' ? address : address.port);
}

/** A client of a worker, connected. */
export function clientOf(address: Answer['address'], say: string): Client {
  const client = new Client(
    typeof address === 'string' ? net.connect(address) : net.connect(address.port, '127.0.0.1'),
  );
  client.say(say);
  return client;
}

export async function isServed(address: Answer['address']): Promise<void> {
  const client = clientOf(address, 'hello');
  await client.has(/hello/);
  client.socket.end();
  assert.equal(await client.all(), 'hello(end)');
}
