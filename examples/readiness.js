'use strict';
// An HTTP server with a readiness endpoint for Kubernetes: GET /ready, at a port of its own, says 503 while the accept queue
// is nearly full, before the first client is left out. A worker answers: a main thread that is stuck can answer nobody.
//
//   node examples/readiness.js [port] [ready port] [host] [backlog]    and then: curl http://127.0.0.1:8081/ready
//   curl 'http://127.0.0.1:8080/busy?ms=5000' keeps it busy
//
//   containers:
//     - name: web
//       args: [node, readiness.js, '8080', '8081', '0.0.0.0'] # the kubelet asks at the pod's address
//       readinessProbe:
//         httpGet: { path: /ready, port: 8081 }
//         periodSeconds: 1 # a queue fills in seconds: the default is 10
//         failureThreshold: 1 # watchQueue does not waver: 503 from highRatio on, 200 from lowRatio down
//
// No livenessProbe asks this: it would have the container restarted, which resets all who wait.

const http = require('node:http');
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
const { Listener, listen } = require('listenq');
const { watchQueue } = require('listenq/kernel');
const { attach } = require('listenq/server');

/** What no server should do, and all do at times. */
function compute(ms) {
  const end = Date.now() + ms;
  while (Date.now() < end);
}

function serve() {
  const [port = '8080', readyPort = '8081', host = '127.0.0.1', backlog = '511'] = process.argv.slice(2);
  const server = http.createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost');
    if (pathname === '/busy') compute(Number(searchParams.get('ms') ?? 1000));
    response.end('served\n');
  });
  const listener = listen({ port: Number(port), host, backlog: Number(backlog) });
  // What waits is to wait in the kernel's queue, where the worker sees it, and not in the accept loop's.
  attach(server, listener, { highWaterMark: 0 });
  console.log(`listening on ${host} port ${listener.address().port}`);

  const asked = { handle: listener.share(), port: Number(readyPort), host };
  const worker = new Worker(__filename, { workerData: asked });
  worker.once('message', (bound) => console.log(`readiness: listening on ${host} port ${bound}`));
  worker.unref(); // it ends with the server
}

/** In the worker. */
function tellReadiness({ handle, port, host }) {
  const watch = watchQueue(Listener.from(handle), { highRatio: 0.8, lowRatio: 0.4, intervalMs: 100 });
  const server = http.createServer((request, response) => {
    if (request.url !== '/ready') return response.writeHead(404).end();
    // high: from 'pressure' to 'relief'.
    response.writeHead(watch.high ? 503 : 200, { 'Content-Type': 'application/json' });
    response.end(`${JSON.stringify(watch.reading)}\n`);
  });
  server.listen(port, host, () => parentPort.postMessage(server.address().port));
}

if (isMainThread) serve();
else tellReadiness(workerData);
