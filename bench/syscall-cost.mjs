// What a call through the addon costs, against the same call in C++, side by side in one run.
//   node bench/syscall-cost.mjs [--rounds 9] [--write]
// --write puts the table into bench/syscall-cost.md. Needs g++ and a built checkout.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { connect, listen, limits } from '../dist/index.js';
import * as sys from '../dist/syscalls.js';
import { median } from './lib/statistics.mjs';

const CALLS = 200_000;
const CONNECTIONS = Math.min(1500, limits().somaxconn ?? sys.SOMAXCONN);
const here = fileURLToPath(new URL('.', import.meta.url));

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '9' }, write: { type: 'boolean', default: false } },
});
const rounds = Number(values.rounds);

function compileLimit(folder) {
  const program = join(folder, 'syscall-cost');
  execFileSync('g++', ['-std=c++20', '-O2', join(here, 'native/syscall_cost.cc'), '-o', program]);
  return program;
}

function measureC(program) {
  const printed = execFileSync(program, [String(CALLS), String(CONNECTIONS)], { encoding: 'utf8' });
  return Object.fromEntries(
    printed
      .trim()
      .split('\n')
      .map((line) => [line.split(' ')[0], Number(line.split(' ')[1])]),
  );
}

function time(calls, body) {
  const start = process.hrtime.bigint();
  body();
  return Number(process.hrtime.bigint() - start) / calls;
}

function fill(port) {
  for (let i = 0; i < CONNECTIONS; i++) connect({ host: '127.0.0.1', port }).reset();
}

/** Times one way of emptying a queue of CONNECTIONS. `take` returns what is to be closed afterwards. */
function timeAccepting(take) {
  const listener = listen({ host: '127.0.0.1', backlog: CONNECTIONS });
  fill(listener.address().port);
  let taken;
  const cost = time(CONNECTIONS, () => {
    taken = take(listener);
  });
  for (const one of taken) typeof one === 'number' ? sys.close(one) : one.close();
  listener.close();
  return cost;
}

function each(body) {
  return (listener) => Array.from({ length: CONNECTIONS }, () => body(listener));
}

function measureListenq() {
  const listener = listen({ host: '127.0.0.1' });
  const { fd } = listener;
  const getsockname = time(CALLS, () => {
    for (let i = 0; i < CALLS; i++) sys.getsockname(fd);
  });
  listener.close();
  return {
    getsockname,
    'syscalls.accept': timeAccepting(each((l) => sys.accept(l.fd, sys.SOCK_CLOEXEC | sys.SOCK_NONBLOCK).fd)),
    'Listener.accept': timeAccepting(each((l) => l.accept())),
    'Listener.acceptMany': timeAccepting((l) => l.acceptMany(CONNECTIONS)),
  };
}

const ROWS = [
  ['getsockname', 'getsockname', 'syscalls.getsockname(fd)'],
  ['accept', 'syscalls.accept', 'syscalls.accept(fd, flags)'],
  ['accept', 'Listener.accept', 'listener.accept()'],
  ['accept', 'Listener.acceptMany', `listener.acceptMany(${CONNECTIONS})`],
];

const folder = mkdtempSync(join(tmpdir(), 'listenq-bench-'));
try {
  const program = compileLimit(folder);
  const samples = [];
  measureListenq(); // warm-up: the first round compiles the JavaScript
  for (let round = 0; round < rounds; round++) samples.push({ c: measureC(program), js: measureListenq() });
  const table = ROWS.map(([c, js, call]) => {
    const ratios = samples.map((sample) => sample.js[js] / sample.c[c]);
    return [
      call,
      median(samples.map((sample) => sample.c[c])).toFixed(0),
      median(samples.map((sample) => sample.js[js])).toFixed(0),
      median(ratios).toFixed(2),
      `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
    ];
  });
  const text = `# What a call through the addon costs

Made by \`node bench/syscall-cost.mjs --write\`: ${rounds} rounds, each call in C++ and through listenq in turn;
${CALLS} calls of getsockname, ${CONNECTIONS} connections accepted from a full queue. Medians in nanoseconds a call;
the ratio is taken round by round. Compare ratios: times differ from machine to machine and from run to run.

Machine: ${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}, Node ${process.version}.

| call | C++ | listenq | ratio (median) | least to most |
|---|---|---|---|---|
${table.map((row) => `| ${row.join(' | ')} |`).join('\n')}

The difference is the way into the addon and back, the check of the arguments, and the objects made: an address object
for the raw calls; a Connection, registered with the collector, for the others.
`;
  process.stdout.write(text);
  if (values.write) writeFileSync(join(here, 'syscall-cost.md'), text);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
