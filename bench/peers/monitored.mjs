// Idle listeners and who looks at them: monitored.mjs <how many> <nobody|watchQueue|metrics>. Prints "port N": of the
// metrics, for whoever scrapes, or else of a listener.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { listen } from '../../dist/index.js';
import { watchQueue } from '../../dist/kernel.js';
import { prometheusMetrics } from '../../dist/metrics.js';

const [count, who] = process.argv.slice(2);
const listeners = Array.from({ length: Number(count) }, () => listen({ host: '127.0.0.1' }));
let { port } = listeners[0].address();
if (who === 'watchQueue') for (const listener of listeners) watchQueue(listener, { intervalMs: 1000 });
if (who === 'metrics') {
  const { default: client } = await import('prom-client');
  const metrics = prometheusMetrics();
  for (const listener of listeners) metrics.add(listener);
  const server = createServer(async (_, response) => response.end(await client.register.metrics()));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  ({ port } = server.address());
}
process.stdout.write(`port ${port}\n`);
process.stdin.resume();
