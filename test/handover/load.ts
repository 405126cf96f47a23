// A load generator, for a process of its own, without anything of this package: clients that make a connection for each
// request, and clients that keep theirs until they are told otherwise. Says when it has
// begun; ends when its input does, and says how it went.
import * as http from 'node:http';

const [port = '', fresh = '', kept = ''] = process.argv.slice(2);
const report = { served: 0, failures: [] as string[], by: new Set<string>() };
let going = true;

function request(agent: http.Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = http.get({ host: '127.0.0.1', port, agent, timeout: 20_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', reject).on('end', () => resolve(text));
    });
    asked.on('error', reject).on('timeout', () => asked.destroy(new Error('no answer in 20 s')));
  });
}

async function client(keepAlive: boolean): Promise<void> {
  const agent = new http.Agent({ keepAlive, maxSockets: 1 });
  while (going) {
    try {
      const text = await request(agent);
      report.by.add(/^served by (\d+)\n$/.exec(text)?.[1] ?? `nobody: ${text}`);
      if (report.served++ === 0) console.log('begun');
    } catch (error) {
      report.failures.push(`${keepAlive ? 'kept' : 'fresh'}: ${String(error)}`);
    }
  }
  agent.destroy();
}

process.stdin.resume().on('end', () => (going = false));
const clients = [
  ...Array.from({ length: Number(fresh) }, () => client(false)),
  ...Array.from({ length: Number(kept) }, () => client(true)),
];
void Promise.all(clients).then(() => {
  console.log(JSON.stringify({ ...report, by: [...report.by] }));
});
