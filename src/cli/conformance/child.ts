import { spawn } from 'node:child_process';
import * as path from 'node:path';
import type { Scope } from './scope';

/** A child process never outlives its fact by more than this. */
const CHILD_MS = 20_000;

export type ChildTask = 'accept' | 'listen' | 'connectFromAnotherNetwork';

/** Accepts one connection in a child process that inherits the listener; resolves to 'accepted'. */
export async function acceptInChild(s: Scope, fd: number): Promise<string> {
  return (await runChild(s, fd, 'accept')).printed;
}

/** Has a child process that inherits the bound socket call listen(2) on it, and end; resolves to its process id. */
export async function listenInChild(s: Scope, fd: number): Promise<number> {
  const { pid, printed } = await runChild(s, fd, 'listen');
  if (printed !== 'listening') throw new Error(`the child process says ${JSON.stringify(printed)}`);
  return pid;
}

/** What a client in a network namespace of its own comes to, which connects to an abstract name of this one. */
export async function connectFromAnotherNetwork(s: Scope, name: string): Promise<string> {
  return (await runChild(s, 'ignore', 'connectFromAnotherNetwork', name.slice(1))).printed;
}

async function runChild(
  s: Scope,
  inherited: number | 'ignore',
  task: ChildTask,
  ...more: string[]
): Promise<{ pid: number; printed: string }> {
  const child = spawn(process.execPath, [path.join(__dirname, 'child-process.js'), task, ...more], {
    stdio: ['ignore', 'pipe', 'inherit', inherited],
    timeout: CHILD_MS,
  });
  let printed = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject).once('close', () => {
      resolve();
    });
  });
  s.defer(() => {
    child.kill('SIGKILL');
  });
  await ended;
  return { pid: child.pid ?? -1, printed };
}
