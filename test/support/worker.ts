import { Worker } from 'node:worker_threads';
import { ROOT } from './machine';
import type { Package, Syscalls } from './child';

export interface WorkerTools {
  /** Tells the test something; `heard` waits for it. */
  say: (message: unknown) => void;
}

export interface RunningWorker {
  worker: Worker;
  /** The next thing that the worker says. */
  heard: () => Promise<unknown>;
  /** Resolves once the worker has ended. */
  ended: Promise<number>;
}

/** Runs `body`, which must name nothing outside itself, in a worker of this process. */
export function inWorker(
  body: (q: Package, s: Syscalls, data: never, tools: WorkerTools) => unknown,
  data?: unknown,
): RunningWorker {
  const program = `
    const { createRequire } = require('node:module');
    const { parentPort, workerData } = require('node:worker_threads');
    const load = createRequire(${JSON.stringify(`${ROOT}/package.json`)});
    globalThis.require = load;
    const say = (message) => parentPort.postMessage(message);
    (${body.toString()})(load('listenq'), load('listenq/syscalls'), workerData, { say });`;
  const worker = new Worker(program, { eval: true, workerData: data });
  const messages: unknown[] = [];
  const waiting: ((message: unknown) => void)[] = [];
  worker.on('message', (message: unknown) => {
    const next = waiting.shift();
    if (next === undefined) messages.push(message);
    else next(message);
  });
  // Not `once`, which rejects at an 'error' event: a worker that threw has ended too.
  const ended = new Promise<number>((resolve) => worker.once('exit', resolve));
  return {
    worker,
    ended,
    heard: () =>
      new Promise((resolve, reject) => {
        if (messages.length > 0) {
          resolve(messages.shift());
          return;
        }
        waiting.push(resolve);
        worker.once('error', reject);
      }),
  };
}
