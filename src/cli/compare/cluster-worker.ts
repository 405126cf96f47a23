import { parseBacklog } from './backlogs';
import type { FillRequest, WorkerReply } from './cluster';
import { fillQueue } from './fill';
import { HOST, netServer } from './open';

/** A cluster worker: listens with net.Server and the backlog that its argument names, and fills the queue on request. */
async function main(): Promise<void> {
  process.on('message', ({ fd, effort }: FillRequest) => {
    answer(() => ({ filling: fillQueue(fd, effort) }));
  });
  try {
    await netServer({ port: 0, host: HOST, backlog: parseBacklog(process.argv[2] ?? '') });
    answer(() => ({ listening: true }));
  } catch (error) {
    answer(() => {
      throw error;
    });
  }
}

function answer(make: () => WorkerReply): void {
  let reply: WorkerReply;
  try {
    reply = make();
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    reply = { failed: message, ...(code === undefined ? {} : { code }) };
  }
  process.send?.(reply);
}

void main();
