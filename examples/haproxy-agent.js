'use strict';
// An HTTP server that tells HAProxy how much of its accept queue is free. HAProxy asks a port of its own, which a worker
// answers: a main thread that is stuck can answer nobody, and the kernel goes on connecting clients to it.
//
//   node examples/haproxy-agent.js [port] [agent port] [host] [stuck after ms]      behind it: examples/haproxy.cfg
//   curl 'http://127.0.0.1:4481/busy?ms=5000' keeps it busy; nc 127.0.0.1 4491 says what HAProxy hears

const http = require('node:http');
const net = require('node:net');
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
const { Listener, listen } = require('listenq');
const { watchQueue } = require('listenq/kernel');
const { attach } = require('listenq/server');

const LOOK_MS = 50;

/** What no server should do, and all do at times. */
function compute(ms) {
  const end = Date.now() + ms;
  while (Date.now() < end);
}

function serve() {
  const [port = '4481', agentPort = '4491', host = '127.0.0.1', stuckMs = '500'] = process.argv.slice(2);
  const server = http.createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost');
    if (pathname === '/busy') compute(Number(searchParams.get('ms') ?? 1000));
    response.end(`served at port ${listener.address().port}\n`);
  });
  const listener = listen({ port: Number(port), host, backlog: 511 });
  // What waits is to wait in the kernel's queue, where the worker sees it, and not in the accept loop's.
  attach(server, listener, { highWaterMark: 0 });
  console.log(`listening on ${host} port ${listener.address().port}`);

  const taken = new Int32Array(new SharedArrayBuffer(4));
  server.on('connection', () => Atomics.add(taken, 0, 1));
  const asked = { handle: listener.share(), taken, port: Number(agentPort), host, stuckMs: Number(stuckMs) };
  const agent = new Worker(__filename, { workerData: asked });
  agent.once('message', (bound) => console.log(`agent: listening on ${host} port ${bound}`));
  agent.unref(); // it ends with the server
}

/** In the worker: each connection is answered with one line, a weight in percent. */
function answerHaproxy({ handle, taken, port, host, stuckMs }) {
  const watch = watchQueue(Listener.from(handle), { highRatio: 0.8, lowRatio: 0.4, intervalMs: LOOK_MS });

  // A few clients never fill the queue of a server that is stuck. It is stuck if somebody waits and nobody is taken:
  // neither a queue that is not empty nor one that grows says so, as a busy server's may be both.
  let before = 0;
  let looks = 0; // in a row
  setInterval(() => {
    const now = Atomics.load(taken, 0);
    looks = watch.reading.waiting > 0 && now === before ? looks + 1 : 0;
    before = now;
  }, LOOK_MS);

  // 0% takes the server out of the balancing, and the next answer back in. The words "drain" and "ready" do that too, but
  // "ready" also ends what the operator of HAProxy has asked for: "set server … state maint".
  const weight = () => {
    const out = watch.high || looks * LOOK_MS >= stuckMs;
    return out ? 0 : Math.ceil(100 * (1 - watch.reading.ratio));
  };
  const agent = net.createServer((asking) => {
    asking.on('error', () => undefined); // HAProxy has read the line, and resets
    asking.end(`${weight()}%\n`);
  });
  agent.listen(port, host, () => parentPort.postMessage(agent.address().port));
}

if (isMainThread) serve();
else answerHaproxy(workerData);
