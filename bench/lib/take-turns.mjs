// Servers that are compared closely: all run at the same time, and only one is under load, in short turns. What the
// machine does meanwhile lasts longer than a turn, and so meets them all.
import { withServers } from '../peers/index.mjs';
import { cpuNanoseconds, wakeUps } from './process-figures.mjs';

async function takeTurn(server, total, seconds, load) {
  const before = { cpu: cpuNanoseconds(server.pid), wakeUps: wakeUps(server.pid) };
  const { served, failed, seconds: took } = await load(server, seconds);
  if (failed > 0) throw new Error(`${failed} of ${failed + served} failed`);
  total.served += served;
  total.seconds += took;
  total.cpu += cpuNanoseconds(server.pid) - before.cpu;
  total.wakeUps += wakeUps(server.pid) - before.wakeUps;
}

/** `load(server, seconds)` resolves to { served, failed, seconds }. One sample a peer, in their order. */
export function takeTurns(peers, options, { warmUpSeconds, turns, seconds }, load) {
  return withServers(peers, options, async (servers) => {
    const totals = servers.map(() => ({ served: 0, seconds: 0, cpu: 0, wakeUps: 0 }));
    for (const server of servers) await load(server, warmUpSeconds);
    for (let turn = 0; turn < turns; turn++) {
      for (const [i, server] of servers.entries()) await takeTurn(server, totals[i], seconds, load);
    }
    return totals.map((total) => ({
      perSecond: total.served / total.seconds,
      microseconds: total.cpu / 1000 / total.served,
      wakeUps: total.wakeUps / total.served,
    }));
  });
}
