// Who is measured. A peer takes <backlog> <"answer" or "close"> [<ms blocked>/<of how many>], accepts, and with each
// connection does the one or the other and closes it. It prints "port N" when it listens.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Child } from '../lib/children.mjs';
import { onServerCore } from '../lib/cores.mjs';
import { program } from '../lib/programs.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const installed = (path) => [here(`../node_modules/${path}`)].find((file) => existsSync(file));

export const bunProgram = installed(
  `@oven/bun-linux-${process.arch === 'arm64' ? 'aarch64' : 'x64'}/bin/bun`,
);
export const denoProgram = installed(`@deno/linux-${process.arch}-glibc/deno`);

const inNode = (file) => [process.execPath, here(file)];
const NOT_INSTALLED = 'its npm package is not installed (npm ci --prefix bench --ignore-scripts)';

/** What happens at the event loop: it can be blocked, and connections wait until it turns. */
const ASIDE = { eventLoop: true, keepsWaiting: false };
const ON_IT = { eventLoop: true, keepsWaiting: true };
const NONE = { eventLoop: false, keepsWaiting: false };

/** `command` is undefined where the peer is not here. */
const peer = (key, name, command, eventLoop) => ({ key, name, command, ...eventLoop });

export const PEERS = [
  peer('c', 'C, accept4 loop', [program('accept_loop')], NONE),
  peer('blocking', 'listenq, blocking in a worker', inNode('listenq-blocking.mjs'), ASIDE),
  peer('connection', 'listenq, acceptLoop, Connection', inNode('listenq-connection.mjs'), ON_IT),
  peer('socket', 'listenq, acceptLoop, net.Socket', inNode('listenq-socket.mjs'), ON_IT),
  peer('serveBlocking', 'listenq, serveBlocking', inNode('listenq-serve-blocking.mjs'), ASIDE),
  peer('netServer', 'net.Server', inNode('net-server.mjs'), ON_IT),
  peer('cpython', 'CPython, socket loop', ['python3', here('cpython.py')], NONE),
  peer('bun', 'Bun.listen', bunProgram && [bunProgram, here('bun.mjs')], ON_IT),
  peer('deno', 'Deno.listen', denoProgram && [denoProgram, 'run', '--allow-net', here('deno.mjs')], ON_IT),
];

/** Listens and never accepts: what the others have besides their loop. */
export const LISTENER_ONLY = peer(
  'listener',
  'listenq, a listener without a loop',
  inNode('listenq-listener.mjs'),
  ASIDE,
);

/** Servers of one answer: they take no notice of "answer" or "close". */
export const HTTP = {
  plain: peer('plain', 'http.Server', inNode('http-plain.mjs'), ON_IT),
  attach: peer('attach', 'http.Server with attach()', inNode('http-attach.mjs'), ON_IT),
  overload: peer('overload', 'attach(), 503 after 250 ms', inNode('http-overload.mjs'), ON_IT),
};

/** Node's own server, and the one that takes its place. */
export const NET = [
  PEERS.find(({ key }) => key === 'netServer'),
  peer('dropIn', 'listenq/server', inNode('drop-in.mjs'), ON_IT),
  peer('dropInAlone', 'listenq/server, acceptLoop: false', inNode('drop-in-alone.mjs'), ON_IT),
];

const before = process.env.LISTENQ_BENCH_BEFORE;

/** An accept loop to which nobody subscribes, the same with a subscriber to each channel, and the same of another checkout. */
export const CHANNELS = [
  { ...PEERS.find(({ key }) => key === 'connection'), name: 'nobody subscribes' },
  peer(
    'subscribed',
    'a subscriber to each channel',
    [process.execPath, '--import', here('lib/subscribe.mjs'), here('listenq-connection.mjs')],
    ON_IT,
  ),
  ...(before === undefined
    ? []
    : [
        peer(
          'before',
          'LISTENQ_BENCH_BEFORE',
          [process.execPath, `${before}/bench/peers/listenq-connection.mjs`],
          ON_IT,
        ),
      ]),
];

export const peerNamed = (key) => PEERS.find((one) => one.key === key);

async function startPeer({ command }, { backlog, answer = false, stall }) {
  if (command === undefined) throw new Error(NOT_INSTALLED);
  const args = [String(backlog), answer ? 'answer' : 'close', ...(stall === undefined ? [] : [stall])];
  const child = new Child(onServerCore([...command, ...args]));
  try {
    const port = Number(/^port (\d+)$/.exec(await child.line())[1]);
    return Object.assign(child, { port });
  } catch (error) {
    await child.end();
    throw error;
  }
}

/** Starts peers on the server's core, waits until they listen, and ends them after `body`. */
export async function withServers(peers, options, body) {
  const servers = [];
  try {
    for (const peer of peers) servers.push(await startPeer(peer, options));
    return await body(servers);
  } finally {
    await Promise.all(servers.map((server) => server.end()));
  }
}

export const withServer = (peer, options, body) => withServers([peer], options, ([server]) => body(server));
