import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import { handlerNotLoaded, invalidArgType, invalidArgValue } from '../errors';
import { interrupt } from '../socket/interrupt';
import type { ListenerHandle } from '../socket/listener-handle';
import * as check from '../validate';
import type { BlockingReport, BlockingWorkerData } from './blocking-messages';
import type { BlockingState } from './blocking-state';
import { checkHeadroom } from './headroom';
import { unpackError } from './portable-error';

const PROGRAM = path.join(__dirname, 'blocking-worker.js');
/** How long the first thread may take to load the handler, while the caller waits. */
const LOAD_MS = 10_000;

/** Whom a thread's reports and its end go to. */
export interface HandlerThreadOwner {
  reported(thread: HandlerThread, report: BlockingReport): void;
  ended(thread: HandlerThread, exitCode: number): void;
}

/** One thread of a blocking server, as the thread that started it holds it. */
export class HandlerThread {
  readonly seat: number;
  readonly threadId: number;
  readonly startedAt = performance.now();
  /** What ended the thread, if an error did. */
  error: Error | undefined;

  readonly #worker: Worker;
  readonly #port: MessagePort;

  /** @throws EMFILE and its like, or ERR_WORKER_INIT_FAILED, where the system gives no thread */
  constructor(handler: string, state: BlockingState, seat: number, sliceMs: number) {
    checkHeadroom();
    const { port1, port2 } = new MessageChannel();
    const data: BlockingWorkerData = { handler, port: port2, memory: state.memory, seat, sliceMs };
    this.seat = seat;
    this.#port = port1;
    // It runs the user's code: with the user's execArgv, so that loaders and preloads are there too.
    this.#worker = new Worker(PROGRAM, {
      name: `listenq handler ${seat + 1}`,
      workerData: data,
      transferList: [port2],
    });
    this.threadId = this.#worker.threadId;
    this.#worker.on('error', (error) => {
      this.error = error instanceof Error ? error : new Error(String(error));
    });
  }

  /** Blocks until the thread has loaded the handler. @throws the error of loading it, or that it took too long */
  awaitLoaded(state: BlockingState): void {
    const announced = state.awaitAnnouncement(LOAD_MS);
    const report = receiveMessageOnPort(this.#port)?.message as BlockingReport | undefined;
    if (report?.type === 'loaded') return;
    this.abandon();
    if (report?.type === 'not-loaded') throw unpackError(report.error);
    throw handlerNotLoaded(announced ? 'ended' : `is not done after ${LOAD_MS} ms`);
  }

  /** Has the thread serve that listener once it has loaded its handler. */
  start(handle: ListenerHandle, owner: HandlerThreadOwner): void {
    this.#port.on('message', (report: BlockingReport) => owner.reported(this, report));
    // What keeps the process alive is the Worker itself.
    this.#port.unref();
    this.#worker.once('exit', (exitCode) => {
      // What it said before it ended, whichever of the two came here first.
      for (;;) {
        const last = receiveMessageOnPort(this.#port);
        if (last === undefined) break;
        owner.reported(this, last.message as BlockingReport);
      }
      this.#port.close();
      owner.ended(this, exitCode);
    });
    this.#port.postMessage(handle);
  }

  /** Ends a thread that was never started. */
  abandon(): void {
    this.#port.close();
    void this.#worker.terminate();
  }

  /** Ends the blocking-style call that it is in. */
  interrupt(): void {
    interrupt(this.threadId);
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  hold(on: boolean): void {
    if (on) this.#worker.ref();
    else this.#worker.unref();
  }
}

/** The URL to import. */
export function handlerUrl(handler: unknown): string {
  if (typeof handler !== 'string' && !(handler instanceof URL)) {
    throw invalidArgType('options.handler', 'a path or a URL', handler);
  }
  if (handler instanceof URL || handler.startsWith('file:')) {
    const text = String(handler);
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url?.protocol === 'file:') return url.href;
    throw invalidArgValue('options.handler', 'must be a file: URL, or a path', handler);
  }
  if (handler === '') throw invalidArgValue('options.handler', 'must not be empty', handler);
  return pathToFileURL(path.resolve(check.text(handler, 'options.handler'))).href;
}
