import { observeListen, type ListenCall, type ListenObserver } from 'listenq/lab';
import * as fs from 'node:fs';
import { parseBacklog } from './backlogs';
import { failedCell, type Cell, type Filling, type Task } from './cell';
import { openInCluster } from './cluster';
import { fillQueue } from './fill';
import { openDirectly } from './open';
import { ADOPTED_BACKLOG } from './ways';

/**
 * A process that measures one cell: it asks for one backlog in one way, tells which integer listen(2) got, fills the
 * queue, and ends. Its argument is the task, its output the cell, both as JSON.
 */
async function measure(task: Task): Promise<Cell> {
  const observer = startObserving();
  const opened = await open(task);
  const calls = typeof observer === 'string' ? null : arrivedBy(task, observer.take());
  const integers = calls?.map(({ backlog }) => backlog) ?? null;
  const unobserved = typeof observer === 'string' ? observer : null;
  const seen = { calls: integers, unobserved, arrived: integers?.at(-1) ?? null };
  const cell: Cell = { way: task.way, asked: task.asked, ...seen, error: null, filling: null, failure: null };
  if ('error' in opened) return { ...cell, error: opened.error };
  return { ...cell, filling: await opened.fill(calls?.at(-1)) };
}

/** Listens, or tells with which code it failed. `fill` fills the queue in the process that holds the listener. */
type Opened = { fill: (last: ListenCall | undefined) => Filling | Promise<Filling> } | { error: string };

async function open({ way, asked, folder, effort }: Task): Promise<Opened> {
  try {
    if (way === 'cluster-rr' || way === 'cluster-none') {
      const worker = await openInCluster(way, asked);
      return {
        fill: (last) => {
          if (last === undefined)
            throw new Error('without the call of listen(2) nobody knows who holds the listener');
          return last.threadId === process.pid ? fillQueue(last.fd, effort) : worker.fill(last.fd, effort);
        },
      };
    }
    const fd = await openDirectly(way, parseBacklog(asked), folder);
    return { fill: () => fillQueue(fd, effort) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return { error: code };
  }
}

/** Why not, where a kernel or a sandbox does not let it. */
function startObserving(): ListenObserver | string {
  try {
    return observeListen();
  } catch (error) {
    return (error as Error).message;
  }
}

/** Without the call that the probe itself makes, for a descriptor that listens before net.Server gets it. */
function arrivedBy({ way }: Task, calls: ListenCall[]): ListenCall[] {
  const adopts = way === 'fd-args' || way === 'fd-options';
  return adopts && calls[0]?.backlog === ADOPTED_BACKLOG ? calls.slice(1) : calls;
}

async function main(): Promise<void> {
  const task = JSON.parse(process.argv[2] ?? '') as Task;
  let cell: Cell;
  try {
    cell = await measure(task);
  } catch (error) {
    cell = failedCell(task, (error as Error).message);
  }
  fs.writeSync(1, `${JSON.stringify(cell)}\n`);
  // Not by way of the event loop: the queue is full of clients, and a server would begin to accept.
  process.exit();
}

void main();
