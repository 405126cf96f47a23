#!/usr/bin/env node
import { CommanderError } from './vendor';

const EXIT_WRONG = 1;
const EXIT_USAGE = 2;

/** Says what went wrong, and with which exit status that ends. */
function report(error: unknown): number {
  if (error instanceof CommanderError) {
    // Help and version come as "errors" too, with 0. Commander has printed its message already.
    return error.exitCode === 0 ? 0 : EXIT_USAGE;
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const line = message.replace(/^listenq: /, '').replaceAll(/\s*\n\s*/g, ' ');
  process.stderr.write(`listenq: ${line}\n`);
  if (/\blistenq\b/i.test(process.env['NODE_DEBUG'] ?? '')) process.stderr.write(`${stack ?? ''}\n`);
  return EXIT_WRONG;
}

/** EPIPE: the reader has gone, as in `listenq compare | head`, and there is nobody left to write for. */
function endWithReader(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? undefined : report(error));
  });
}

async function main(): Promise<void> {
  endWithReader(process.stdout);
  endWithReader(process.stderr);
  try {
    // Here, so that an addon which cannot be loaded is an error as any other.
    const { makeProgram } = await import('./program.js');
    await makeProgram().parseAsync();
  } catch (error) {
    process.exitCode = report(error);
  }
}

void main();
