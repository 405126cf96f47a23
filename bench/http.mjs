// What attach() does to an http.Server, and the drop-in to a net.Server: node bench/http.mjs [--quick] [--row NAME]
// [--rounds N] [--json]. A full run writes bench/http.md.
import { runRows } from './lib/run-rows.mjs';
import { httpBlocked, httpOverflow } from './rows/http-blocked.mjs';
import { dropIn, httpConnections, httpKeepAlive } from './rows/throughput.mjs';

await runRows({
  title: 'What attach() does to an http.Server',
  command: 'node bench/http.mjs',
  rows: [httpKeepAlive, httpConnections, dropIn, httpOverflow, httpBlocked],
  rounds: 9,
  file: new URL('http.md', import.meta.url),
});
