// A worker in plain blocking style.
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { Listener, listen } from '../../dist/index.js';
import { options, serveAt } from './lib/peer.mjs';

if (isMainThread) {
  const listener = listen({ host: '127.0.0.1', backlog: options.backlog });
  new Worker(new URL(import.meta.url), {
    workerData: { handle: listener.share(), answers: options.answers },
  });
  serveAt(listener.address().port);
} else {
  const { handle, answers } = workerData;
  for (const connection of Listener.from(handle)) {
    if (answers) connection.send('x');
    connection.close();
  }
}
