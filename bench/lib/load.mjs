// The load generators of bench/native/, each a process of its own on the core that the server leaves alone.
import { Child } from './children.mjs';
import { onGeneratorCore } from './cores.mjs';
import { program } from './programs.mjs';

const start = (name, ...args) => new Child(onGeneratorCore([program(name), ...args.map(String)]));

async function result(generator) {
  try {
    return JSON.parse(await generator.line());
  } finally {
    await generator.end();
  }
}

/** As many clients at a time as `clients`, for so long or until so many were served, whichever comes first. */
export function closedLoop(port, { clients = 64, seconds = 600, connections = 1e9 }) {
  return result(start('closed_loop', port, clients, seconds, connections));
}

/** HTTP clients that ask again and again, each over one connection (`keepAlive`) or over one for each request. */
export function httpClosedLoop(port, { clients, seconds, keepAlive }) {
  return result(start('http_closed_loop', port, clients, seconds, keepAlive ? 'keep-alive' : 'close'));
}

/** HTTP clients that arrive at a fixed rate, ask once, and give up after `patience` seconds. */
export function httpOpenLoop(port, { rate, seconds, patience }) {
  return result(start('http_open_loop', port, rate, seconds, patience));
}

/** Clients that arrive at a fixed rate, and wait for the server's byte at most until the grace is over. */
export function openLoop(port, { rate, seconds, grace }) {
  return result(start('open_loop', port, rate, seconds, grace));
}

/** One client after another, with a pause. */
export function oneByOne(port, { clients, pauseMs }) {
  return result(start('one_by_one', port, clients, pauseMs));
}

/** Clients that are connected and stay. `release` continues a stopped server, and waits until all streams ended. */
export async function fullQueue(port, { clients, stoppedServer = 0 }) {
  const generator = start('full_queue', port, clients, stoppedServer);
  await generator.line(); // "held"
  return {
    async release() {
      generator.say('go');
      const drained = await result(generator);
      if (drained.ended < clients)
        throw new Error(`${clients - drained.ended} of ${clients} clients were not served`);
      return drained;
    },
  };
}
