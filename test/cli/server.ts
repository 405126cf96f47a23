import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { until } from '../support/until';
import { MAIN } from './command-line';

/** What `listenq serve --json` prints. */
export interface Standing {
  address: { address: string; port: number; path: string };
  backlog: number | null;
  limit: number;
  waiting: number;
  capped: boolean;
}

/** A running `listenq serve`. */
export interface Server extends Standing {
  process: ChildProcess;
  port: number;
  /** All of its standard error so far. */
  stderr: () => string;
  /** Resolves when it has ended, with how. */
  ended: Promise<[status: number | null, signal: NodeJS.Signals | null]>;
}

/** Starts `listenq serve`, and waits until it listens; on a port of the kernel's choice unless `args` say where. */
export async function startServer(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Server> {
  const place = args.includes('--path') || args.includes('--port') ? [] : ['--port', '0'];
  const child = spawn(process.execPath, [MAIN, 'serve', '--json', ...place, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  await Promise.race([until(() => stdout.includes('\n')), ended]);
  if (!stdout.includes('\n')) throw new Error(`it did not listen: ${stderr}`);
  const standing = JSON.parse(stdout) as Standing;
  return { ...standing, process: child, port: standing.address.port, stderr: () => stderr, ended };
}

/** Runs a test with a server, which is killed if the test leaves it. */
export async function withServer(
  args: readonly string[],
  use: (server: Server) => Promise<void> | void,
  env?: NodeJS.ProcessEnv,
): Promise<void> {
  const server = await startServer(args, env);
  try {
    await use(server);
  } finally {
    server.process.kill('SIGKILL');
    await server.ended;
  }
}

/** Where the descriptors of a process point; without the standard ones, and a /dev/null that Node opens in its own time. */
export function descriptorsOf(pid: number | undefined): string[] {
  const folder = `/proc/${pid}/fd`;
  const targets = fs.readdirSync(folder).flatMap((fd) => {
    try {
      return Number(fd) > 2 ? [fs.readlinkSync(`${folder}/${fd}`)] : [];
    } catch {
      // Closed since.
      return [];
    }
  });
  return targets.filter((target) => target !== '/dev/null');
}

/** How many connections a server has: its sockets, each once, without the listener. */
export function connectionsOf(pid: number | undefined): number {
  return new Set(descriptorsOf(pid).filter((target) => target.startsWith('socket:'))).size - 1;
}

/** The processes whose parent this is. */
export function childrenOf(pid: number | undefined): number[] {
  return fs
    .readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .filter((text) => text !== '')
    .map(Number);
}

/** Runs a client, with `input`, while this process goes on. */
export async function client(command: string, args: readonly string[], input: string): Promise<string> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], timeout: 30_000 });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  child.stdin.end(input);
  await once(child, 'close');
  return output;
}

/** Of a listener, as ss(8) shows it: how many wait, and the backlog that the kernel holds. */
export function queueBySs(port: number): [recvQ: number, sendQ: number] {
  const { stdout } = spawnSync('ss', ['-Hltn', `sport = :${port}`], { encoding: 'utf8' });
  const [, recvQ, sendQ] = stdout.trim().split(/\s+/).map(Number);
  return [recvQ ?? NaN, sendQ ?? NaN];
}
