import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, listen, type Connection } from 'listenq';
import { programOf, type Package, type Syscalls } from '../support/child';
import { portOf } from '../support/sockets';

/** A port that nobody has at the moment. */
export function freePort(): number {
  const listener = listen({ host: '127.0.0.1' });
  try {
    return portOf(listener.address());
  } finally {
    listener.close();
  }
}

type Place = { host: string; port: number } | { path: string };

/**
 * Has systemd-socket-activate(1) listen, as its arguments say, and start `body` for the client that connects to `place`.
 *
 * @returns what the client was sent until end of stream
 */
export async function activated(
  args: string[],
  place: Place,
  body: (q: Package, s: Syscalls, data: never) => unknown,
): Promise<string> {
  const program = [process.execPath, '-e', programOf(body, null)];
  const manager = spawn('systemd-socket-activate', [...args, ...program], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  manager.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const ended = once(manager, 'close');
  try {
    const client = await patient(() => connect({ ...place, timeoutMs: 20_000 }), manager);
    const chunks: Buffer[] = [];
    client.setTimeout(20_000);
    for (const chunk of client) chunks.push(chunk);
    client.close();
    return Buffer.concat(chunks).toString();
  } catch (error) {
    throw new Error(`systemd-socket-activate: ${log}`, { cause: error });
  } finally {
    manager.kill('SIGKILL');
    await ended;
  }
}

/** The manager says nothing that could be waited for before it listens. */
async function patient(attempt: () => Connection, manager: { exitCode: number | null }): Promise<Connection> {
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      const { code } = error as { code?: string };
      if (manager.exitCode !== null || (code !== 'ECONNREFUSED' && code !== 'ENOENT')) throw error;
      await sleep(20);
    }
  }
}
