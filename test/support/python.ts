import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Python itself: a version manager's wrapper would start a shell each time. */
let executable: string | undefined;
function python(): string {
  const asked = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' });
  return (executable ??= asked.stdout.trim() || 'python3');
}

/** Runs a Python program to its end, and gives what it printed. Must not be waited for by the program itself. */
export function runPython(program: string, ...args: (string | number)[]): string {
  const done = spawnSync(python(), ['-c', program, ...args.map(String)], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  if (done.status !== 0) throw new Error(`python3 failed: ${done.stderr}`);
  return done.stdout.trim();
}

export interface Peer {
  process: ChildProcess;
  /** All that it printed, once it has ended. */
  output: Promise<string>;
}

/** Starts a Python peer, which goes on while this thread blocks. */
export function startPython(program: string, ...args: (string | number)[]): Peer {
  const child = spawn(python(), ['-c', program, ...args.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return { process: child, output: once(child, 'close').then(() => text.trim()) };
}
