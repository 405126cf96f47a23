import { isMainThread, parentPort, threadId, Worker } from 'node:worker_threads';
import { connect, limits, listen, Listener, SystemCallError } from 'listenq';
import * as kernel from 'listenq/kernel';
import * as lab from 'listenq/lab';
import { AF_INET, socket, close } from 'listenq/syscalls';

/** Run by loading.test.ts, as an ES module: uses what `import` gives, in the main thread and in a worker. */
const listener = listen({ host: '127.0.0.1', backlog: 3 });
const { port } = listener.address() as { port: number };
const client = connect({ host: '127.0.0.1', port });
const seen = {
  thread: isMainThread ? 'main' : `worker ${threadId > 0}`,
  limit: listener.queue().limit,
  instance: listener instanceof Listener,
  error: SystemCallError.name,
  sameLimits: kernel.limits === limits,
  lab: typeof lab.observeListen,
  fd: AF_INET === 2 && typeof socket === 'function' && typeof close === 'function',
};
client.close();
listener.close();

if (isMainThread) {
  console.log(JSON.stringify(seen));
  new Worker(new URL(import.meta.url)).once('message', (message) => {
    console.log(JSON.stringify(message));
  });
} else {
  parentPort?.postMessage(seen);
}
