import * as path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Handoff } from '../native/contract';
import { native } from '../native/load';
import type { Listener } from '../socket/listener';
import { checkHeadroom } from './headroom';
import type { CheckedOptions } from './options';
import type { AcceptThreadData } from './worker';

/** Of the thread, in megabytes: it keeps next to nothing. */
const HEAP = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 };

/** What the accepting thread and this one share. `onReady` is called on this one, once for a burst. */
export function makeHandoff(options: CheckedOptions, onReady: () => void): Handoff {
  const { highWaterMark, maxWaitMs, maxWaiting, maxConnections, action, answer } = options;
  return new native.Handoff(highWaterMark, maxWaitMs, maxWaiting, maxConnections, action, answer, onReady);
}

/** Starts the accepting thread. It does not keep the process alive. @throws EMFILE and its like */
export function startThread(
  handoff: Handoff,
  listeners: readonly Listener[],
  options: CheckedOptions,
): Worker {
  const workerData: AcceptThreadData = {
    handoff: handoff.token(),
    listeners: listeners.map((listener) => listener.share().token),
    blockList: options.blockList,
  };
  checkHeadroom();
  // What the program preloads into its threads, by flag or by NODE_OPTIONS, has no business in this one.
  const env = { ...process.env };
  delete env['NODE_OPTIONS'];
  const file = path.join(__dirname, 'worker.js');
  const thread = new Worker(file, { workerData, execArgv: [], env, resourceLimits: HEAP });
  thread.unref();
  return thread;
}
