// What it costs to look: queueOf() against getsockopt in C++, listeners() against ss, "listenq watch" while it runs.
//   node bench/kernel-view.mjs [--rounds 9] [--watch 30] [--write]
// --watch: for how many seconds it is watched. --write puts the text into bench/kernel-view.md.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus, release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { listen } from '../dist/index.js';
import { listeners, queueOf } from '../dist/kernel.js';
import * as sys from '../dist/syscalls.js';
import { usePrivateNetwork } from './lib/private-network.mjs';
import { cpuNanoseconds } from './lib/process-figures.mjs';
import { compilePrograms, program } from './lib/programs.mjs';
import { median } from './lib/statistics.mjs';

const READINGS = 200_000;
const LISTENERS = 10_000;
const WATCHED = 10;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    watch: { type: 'string', default: '30' },
    write: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);

function time(body) {
  const start = process.hrtime.bigint();
  body();
  return Number(process.hrtime.bigint() - start);
}

/** Nanoseconds per reading, of each way. */
function readQueues(sources) {
  const printed = execFileSync(program('queue_cost'), [String(READINGS)], { encoding: 'utf8' });
  const [info, all] = printed.split('\n').map((line) => Number(line.split(' ')[1]));
  const ours = Object.entries(sources).map(([name, source]) => {
    const cost = time(() => {
      for (let i = 0; i < READINGS; i++) queueOf(source);
    });
    return [name, cost / READINGS];
  });
  return { info, all, ...Object.fromEntries(ours) };
}

const run = (...args) => execFileSync('ss', args, { maxBuffer: 2 ** 28 });
const LISTS = {
  ss: () => run('-H', '-ltn'),
  ours: () => listeners({ processes: false }),
  'ss -p': () => run('-H', '-ltnp'),
  'ours with processes': () => listeners(),
};

/** Nanoseconds of each list. */
function list() {
  return Object.fromEntries(Object.entries(LISTS).map(([name, body]) => [name, time(body)]));
}

/** The share of one core that "listenq watch" takes once it runs. */
async function watch(seconds) {
  const cli = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
  const child = spawn(process.execPath, [cli, 'watch', '--interval', '1'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await once(child, 'spawn');
  await sleep(3000);
  const before = cpuNanoseconds(child.pid);
  await sleep(seconds * 1000);
  const used = cpuNanoseconds(child.pid) - before;
  child.kill();
  await once(child, 'exit');
  return used / (seconds * 1e9);
}

async function measureQueues() {
  const listener = listen({ host: '127.0.0.1' });
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sources = { Listener: listener, 'net.Server': server, descriptor: listener.fd };
  readQueues(sources); // the first round compiles the JavaScript
  const samples = Array.from({ length: rounds }, () => readQueues(sources));
  server.close();
  listener.close();
  return samples;
}

function measureLists() {
  // By the bare calls: a Listener has two descriptors.
  const all = Array.from({ length: LISTENERS }, () => {
    const fd = sys.socket(sys.AF_INET, sys.SOCK_STREAM | sys.SOCK_CLOEXEC);
    sys.listen(fd, 511);
    return fd;
  });
  list();
  const samples = Array.from({ length: rounds }, list);
  for (const fd of all) sys.close(fd);
  return samples;
}

const middle = (samples, name) => median(samples.map((sample) => sample[name]));
const ratioOf = (samples, of, to) => median(samples.map((sample) => sample[of] / sample[to])).toFixed(2);

function queueRow(samples, name) {
  const cost = middle(samples, name).toFixed(0);
  return `| queueOf(${name}) | ${cost} | ${ratioOf(samples, name, 'info')} | ${ratioOf(samples, name, 'all')} |`;
}

function listRow(samples, call, ours, command, theirs) {
  const [a, b] = [ours, theirs].map((name) => (middle(samples, name) / 1e6).toFixed(0));
  return `| ${call} | ${a} | ${command} | ${b} | ${ratioOf(samples, ours, theirs)} |`;
}

const why = usePrivateNetwork(4096);
if (why !== undefined) throw new Error(why);
compilePrograms();
const queues = await measureQueues();
const watched = Array.from({ length: WATCHED }, () => listen({ host: '127.0.0.1' }));
const share = await watch(Number(values.watch));
for (const listener of watched) listener.close();
const lists = measureLists();

const text = `# What it costs to look

Made by \`node bench/kernel-view.mjs --write\`: ${rounds} rounds, in each of which every way takes its turn; medians, and
medians of the ratios that were taken round by round.

Machine: ${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release().replace(/-.*/, '')}, Node ${process.version}.

## A queue

Nanoseconds a reading. In C++ TCP_INFO alone takes ${middle(queues, 'info').toFixed(0)}, and with SO_PROTOCOL and SO_MEMINFO, which
tell the drops, ${middle(queues, 'all').toFixed(0)}.

| call | nanoseconds | to TCP_INFO in C++ | to the same calls in C++ |
|---|---|---|---|
${queueRow(queues, 'Listener')}
${queueRow(queues, 'net.Server')}
${queueRow(queues, 'descriptor')}

## ${LISTENERS.toLocaleString('en')} listeners

Milliseconds. ss is a process of its own, which has to start and print; listeners() makes objects.

| call | milliseconds | command | milliseconds | ratio |
|---|---|---|---|---|
${listRow(lists, 'listeners({ processes: false })', 'ours', 'ss -ltn', 'ss')}
${listRow(lists, 'listeners()', 'ours with processes', 'ss -ltnp', 'ss -p')}

## \`listenq watch\`, once a second

${WATCHED} listeners, ${values.watch} seconds: ${(share * 100).toFixed(2)} % of one core.
`;
process.stdout.write(text);
if (values.write) writeFileSync(new URL('kernel-view.md', import.meta.url), text);
