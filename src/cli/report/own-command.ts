import { spawn } from 'node:child_process';
import * as path from 'node:path';
import type { Part } from './data';

const MAIN = path.join(__dirname, '..', 'main.js');

/**
 * Runs a command of this command line in a process of its own, so that the namespaces that it enters are not this
 * one's, and reads the JSON that it prints, whatever its exit status.
 *
 * @throws the signal's reason, once it is aborted and the command has ended with its own children
 */
export async function runOwnCommand<T>(args: readonly string[], signal: AbortSignal): Promise<Part<T>> {
  signal.throwIfAborted();
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let complaints = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  // It ends what it has started, and itself.
  const end = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', end);
  process.on('exit', end);
  const how = await new Promise<string>((resolve) => {
    child.once('error', ({ message }) => {
      resolve(message);
    });
    child.once('close', (status, killedBy) => {
      resolve(`it ended with ${killedBy ?? `exit status ${status}`}`);
    });
  });
  signal.removeEventListener('abort', end);
  process.off('exit', end);
  signal.throwIfAborted();
  return parse<T>(output) ?? { why: whyNot(args, how, complaints) };
}

function parse<T>(output: string): Part<T> | undefined {
  try {
    return { measured: JSON.parse(output) as T };
  } catch {
    return undefined;
  }
}

function whyNot([name]: readonly string[], how: string, complaints: string): string {
  const complaint = complaints
    .trim()
    .split('\n')
    .at(-1)
    ?.replace(/^listenq: /, '');
  return `listenq ${name} printed no result: ${complaint === undefined || complaint === '' ? how : complaint}`;
}
