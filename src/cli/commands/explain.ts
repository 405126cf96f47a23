import { explainBacklog, recommendBacklog, type ModelLimits } from 'listenq/kernel';
import { backlogArgument, portArgument, usage } from '../arguments';
import { addLimit, kernelRelease } from '../explain/limits';
import { findOnPort } from '../explain/port';
import { jsonReport, textReport, type Findings } from '../explain/report';
import { terminalOf } from '../terminal';
import { Argument, Option, type Command } from '../vendor';

interface Options {
  port?: number;
  rate?: number;
  pause?: number;
  limit?: ModelLimits;
  kernel?: string;
  json?: true;
}

const EPILOGUE = `
Predicted from the sysctls of this network namespace and the version of its kernel, or from those that --limit and
--kernel name; nothing listens, and nothing is changed. A negative number needs no --.

  listenq explain 511
  listenq explain -1 --limit somaxconn=128 --limit tcp_syncookies=0
  listenq explain --rate 2000 --pause 300
  listenq explain --port 8080

Exit status: 0 if it was explained, 1 if something went wrong, 2 if the command line was not understood, or names
a limit that no kernel takes.`;

export function register(program: Command): void {
  program
    .command('explain')
    .summary('say what a backlog means on this machine')
    .description(
      'Answers, for this machine, what people ask about a backlog: what it counts, how many clients wait, what caps it, ' +
        'what the next client sees, how large it should be.',
    )
    .addArgument(new Argument('[backlog]', 'any 32-bit integer').argParser(backlogArgument))
    .addOption(
      new Option('--rate <n>', 'how large it should be: new connections a second').argParser(numberArgument),
    )
    .addOption(
      new Option('--pause <ms>', 'and the longest time that nothing is accepted').argParser(numberArgument),
    )
    .addOption(
      new Option('--port <port>', 'whether that is a good port to listen on here')
        .argParser(portArgument)
        .conflicts(['limit', 'kernel']),
    )
    .addOption(
      new Option(
        '--limit <name=value>',
        'a sysctl of another machine, such as somaxconn=128; may be repeated',
      ).argParser(usage(addLimit)),
    )
    .addOption(
      new Option(
        '--kernel <release>',
        "another machine's kernel, such as 4.9; its defaults, but for what --limit says",
      ).argParser(usage(kernelRelease)),
    )
    .option('--json', 'print JSON')
    .addHelpText('after', EPILOGUE)
    .action(explain);
}

/** A number from 0, decimal. */
const numberArgument = usage((text) => {
  if (!/^(?:\d+\.?\d*|\.\d+)$/.test(text)) throw new Error('It must be a number from 0');
  return Number(text);
});

function explain(backlog: number | undefined, options: Options, command: Command): void {
  const { rate, pause, port, json } = options;
  if ((rate === undefined) !== (pause === undefined)) command.error('error: --rate and --pause go together');
  if (backlog === undefined && rate === undefined && port === undefined) {
    command.error('error: what to explain is missing: a backlog, --rate and --pause, or --port');
  }
  const findings = find(backlog, options, command);
  process.stdout.write(
    json === true ? `${jsonReport(findings)}\n` : textReport(findings, terminalOf(process.stdout)),
  );
}

/** What no kernel can have is a wrong command line. */
function find(backlog: number | undefined, options: Options, command: Command): Findings {
  const { rate, pause, port, limit, kernel } = options;
  const limits = { ...limit, kernelRelease: kernel };
  try {
    return {
      explanation: backlog === undefined ? undefined : explainBacklog(backlog, limits),
      port: port === undefined ? undefined : findOnPort(port),
      recommendation:
        rate === undefined || pause === undefined
          ? undefined
          : recommendBacklog({ arrivalsPerSecond: rate, longestPauseMs: pause, limits }),
    };
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    return command.error(`error: ${inOptions(error.message)}`);
  }
}

/** A message of the model, with the names that the command line has for things. */
function inOptions(message: string): string {
  return message
    .replace(/^(?:load\.)?limits\./, '--limit ')
    .replace('load.arrivalsPerSecond', '--rate')
    .replace('load.longestPauseMs', '--pause');
}
