// What the peers in JavaScript share; runs in Node, Bun and Deno alike.
//   <peer> <backlog> <"answer" or "close"> [<milliseconds blocked>/<of how many>]
import process from 'node:process';

const [backlog, handler, stall] = process.argv.slice(2);

export const options = { backlog: Number(backlog), answers: handler === 'answer' };

/** Computes for so long: as any handler that does not return, it keeps the event loop from turning. */
function block(milliseconds) {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

function blockRegularly(busy, period) {
  const start = performance.now();
  block(busy);
  setTimeout(blockRegularly, Math.max(0, start + period - performance.now()), busy, period);
}

/** Tells the runner where to connect, and from then on does to the event loop what it is told to. */
export function serveAt(port) {
  process.stdout.write(`port ${port}\n`);
  if (stall !== undefined) {
    const [busy, period] = stall.split('/').map(Number);
    setTimeout(blockRegularly, 0, busy, period);
  }
  // "block 500": once, now.
  process.stdin.on('data', (line) => block(Number(/^block (\d+)/.exec(line)?.[1] ?? 0)));
}
