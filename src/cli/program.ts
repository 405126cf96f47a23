import { register as registerCompare } from './commands/compare';
import { register as registerConformance } from './commands/conformance';
import { register as registerDoctor } from './commands/doctor';
import { register as registerExplain } from './commands/explain';
import { register as registerModel } from './commands/model';
import { register as registerReport } from './commands/report';
import { register as registerServe } from './commands/serve';
import { register as registerWatch } from './commands/watch';
import { Command } from './vendor';
import { version } from './version';

const EPILOGUE = `
Exit status:
  0  all is well
  1  a check failed, or something went wrong
  2  the command line was not understood

Errors are one line on stderr; NODE_DEBUG=listenq adds the stack. Colours are used on a terminal, unless NO_COLOR is set.`;

/** All commands. Loads the addon. */
export function makeProgram(): Command {
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
