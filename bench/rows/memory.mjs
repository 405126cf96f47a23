import { setTimeout as sleep } from 'node:timers/promises';
import { slabBytes } from '../lib/kernel-figures.mjs';
import { fullQueue } from '../lib/load.mjs';
import { residentBytes } from '../lib/process-figures.mjs';
import { LISTENER_ONLY, peerNamed, withServer } from '../peers/index.mjs';

const BACKLOG = 4096;
const SETTLE_MS = 300;
const mebibytes = (sample) => sample.resident / 2 ** 20;
/** Of those that keep nobody waiting there is none. */
const waiting = (name) => (sample) => sample[name] ?? Number.NaN;

export const memory = {
  name: 'memory',
  title: 'Memory: of the worker, and of a waiting connection',
  about: ({ memory: { clients } }) =>
    `Resident memory of the server once it listens, and what it and the kernel hold more while ${clients} clients wait ` +
    'because the event loop is blocked: net.Server leaves them in the kernel, acceptLoop accepts them. The kernel’s ' +
    'share is the growth of its caches of small objects on the whole machine, with the client’s end of each ' +
    'connection in it; the difference to net.Server is what accepting adds.',
  needsPrivateNetwork: true,
  peers: [
    LISTENER_ONLY,
    ...['blocking', 'connection', 'socket', 'serveBlocking', 'netServer'].map(peerNamed),
  ],
  columns: [
    { title: 'resident, MiB', value: mebibytes, digits: 1, range: true },
    { title: 'server, bytes per waiting one', value: waiting('serverBytes'), digits: 0, range: true },
    { title: 'kernel, bytes per waiting one', value: waiting('kernelBytes'), digits: 0, range: true },
  ],
  differences: [
    { title: 'MiB more than a listener without a loop', to: 'listener', value: mebibytes, digits: 1 },
  ],

  measure(peer, { memory: { clients, blockMs } }) {
    return withServer(peer, { backlog: BACKLOG }, async (server) => {
      // The first block compiles what blocks, and must not count as memory of a connection.
      server.say('block 20');
      await sleep(SETTLE_MS);
      const [resident, slab] = [residentBytes(server.pid), slabBytes()];
      if (!peer.keepsWaiting) return { resident };
      server.say(`block ${blockMs}`);
      const queue = await fullQueue(server.port, { clients });
      await sleep(SETTLE_MS);
      const serverBytes = (residentBytes(server.pid) - resident) / clients;
      const kernelBytes = (slabBytes() - slab) / clients;
      await queue.release();
      return { resident, serverBytes, kernelBytes };
    });
  },

  goals: [],
};
