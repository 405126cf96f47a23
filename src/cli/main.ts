#!/usr/bin/env node
import { register as registerCompare } from './commands/compare';
import { register as registerConformance } from './commands/conformance';
import { register as registerDoctor } from './commands/doctor';
import { register as registerExplain } from './commands/explain';
import { register as registerModel } from './commands/model';
import { register as registerReport } from './commands/report';
import { register as registerServe } from './commands/serve';
import { register as registerWatch } from './commands/watch';
import { Command, CommanderError } from './vendor';
import { version } from './version';

const EXIT_WRONG = 1;
const EXIT_USAGE = 2;

const EPILOGUE = `
Exit status:
  0  all is well
  1  a check failed, or something went wrong
  2  the command line was not understood

Errors are one line on stderr; NODE_DEBUG=listenq adds the stack. Colours are used on a terminal, unless NO_COLOR is set.`;

function makeProgram(): Command {
  const program = new Command('listenq')
    .description(
      'Listening sockets with exactly the backlog that was asked for, and what the kernel does with it.',
    )
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', EPILOGUE)
    .configureOutput({
      outputError: (text, write) => {
        write(text.replace(/^error: /, 'listenq: '));
      },
    })
    .exitOverride();
  // Each copies the settings above into its own command.
  registerCompare(program);
  registerConformance(program);
  registerDoctor(program);
  registerExplain(program);
  registerModel(program);
  registerReport(program);
  registerServe(program);
  registerWatch(program);
  return program;
}

/** Says what went wrong, and with which exit status that ends. */
function report(error: unknown): number {
  if (error instanceof CommanderError) {
    // Help and version come as "errors" too, with 0. Commander has printed its message already.
    return error.exitCode === 0 ? 0 : EXIT_USAGE;
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  process.stderr.write(`listenq: ${message.replaceAll(/\s*\n\s*/g, ' ')}\n`);
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
    await makeProgram().parseAsync();
  } catch (error) {
    process.exitCode = report(error);
  }
}

void main();
