import type { Listener } from 'listenq';
import { backlogArgument, portArgument, wholeNumber } from '../arguments';
import { Clients } from '../serve/clients';
import { listenAt, type Place } from '../serve/place';
import { running } from '../serve/program';
import { serveUntil } from '../serve/server';
import type { Service } from '../serve/service';
import { firstSignal } from '../serve/signals';
import { daytime, echo } from '../serve/sockets';
import { sentenceOf, standingOf, warningOf, type Standing } from '../serve/standing';
import { Option, type Command } from '../vendor';

interface Options extends Place {
  echo?: true;
  daytime?: true;
  exec?: string;
  maxConnections: number;
  drain: number;
  verbose?: true;
  json?: true;
}

/** Nobody outside gets at what was started to try something. */
const HOST = '127.0.0.1';
const DRAIN_MS = 5000;
const MAX_INT = 2 ** 31 - 1;

const EPILOGUE = `
Without --echo, --daytime or --exec it echoes. The command of --exec runs in sh, its environment has
LISTENQ_LOCAL_ADDRESS, LISTENQ_LOCAL_PORT, LISTENQ_REMOTE_ADDRESS and LISTENQ_REMOTE_PORT, or of a Unix-domain socket
LISTENQ_LOCAL_PATH and LISTENQ_REMOTE_PATH; its standard error is this command's own.

SIGTERM, SIGINT and SIGHUP end it with exit status 0: who is connected or queued is served first. A second one ends it
at once, as by that signal (a shell shows 143, 130 or 129); commands that still run get SIGTERM.

To see a backlog at work, serve nobody, and connect from elsewhere:
  listenq serve --port 9999 --backlog 5 --max-connections 0
  ss -ltn sport = :9999

Exit status: 0 if one signal ended it, 1 if it could not listen or something went wrong, 2 if the command line was not
understood.`;

export function register(program: Command): void {
  program
    .command('serve')
    .summary('listen with exactly this backlog, and serve')
    .description(
      'Listens with exactly the backlog that was asked for, says what the kernel holds of it, and serves each client: ' +
        'with its own bytes, the time of day, or a command of yours.',
    )
    .addOption(new Option('--port <port>', 'TCP port; 0 lets the kernel pick one').argParser(portArgument))
    .addOption(new Option('--host <host>', 'address or name to listen at; :: is all of them').default(HOST))
    .addOption(
      new Option('--path <path>', 'a Unix-domain socket instead; @name is an abstract one').conflicts([
        'port',
        'host',
      ]),
    )
    .addOption(
      new Option(
        '--backlog <n>',
        'any 32-bit integer, 0 and -1 included (default: what net.core.somaxconn says)',
      ).argParser(backlogArgument),
    )
    .addOption(new Option('--echo', 'send back what comes').conflicts(['daytime', 'exec']))
    .addOption(new Option('--daytime', 'send the time of day, and end').conflicts('exec'))
    .option('--exec <command>', 'run a command for each client, with the connection as its stdin and stdout')
    .addOption(
      new Option('--max-connections <n>', 'serve so many at a time; the others wait in the queue')
        .argParser(wholeNumber(0, MAX_INT))
        .default(Infinity, 'no limit'),
    )
    .addOption(
      new Option('--drain <ms>', 'how long a signal lets clients finish')
        .argParser(wholeNumber(0, MAX_INT))
        .default(DRAIN_MS),
    )
    .option('--verbose', 'a line for each client, when it has gone')
    .option('--json', 'print where it listens as JSON')
    .addHelpText('after', EPILOGUE)
    .action(serve);
}

async function serve(options: Options, command: Command): Promise<void> {
  if (options.port === undefined && options.path === undefined) {
    command.error("error: where to listen is missing: give '--port <port>' or '--path <path>'");
  }
  const listener = listenOrExplain(options, command);
  const clients = new Clients();
  const signal = firstSignal(() => {
    clients.cut();
  });
  announce(standingOf(listener, options.backlog), options.json === true);
  await serveUntil(signal, listener, {
    clients,
    service: serviceOf(options),
    maxConnections: options.maxConnections,
    // Under a bound who waits is in the kernel's queue; and each command needs descriptors itself.
    acceptAhead: options.maxConnections === Infinity && options.exec === undefined,
    drainMs: options.drain,
    verbose: options.verbose === true,
    say,
  });
}

/** A refusal of the kernel is an error; a place that cannot be is a wrong command line. */
function listenOrExplain(options: Options, command: Command): Listener {
  try {
    return listenAt(options);
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError)
      command.error(`error: ${error.message.replace(/^options\./, '--')}`);
    throw error;
  }
}

function serviceOf({ daytime: time, exec }: Options): Service {
  if (exec !== undefined) return running(exec, say);
  return time === true ? daytime : echo;
}

function announce(standing: Standing, json: boolean): void {
  if (json) process.stdout.write(`${JSON.stringify(standing)}\n`);
  else say(sentenceOf(standing));
  const warning = warningOf(standing);
  if (warning !== undefined) say(`warning: ${warning}`);
}

function say(line: string): void {
  process.stderr.write(`listenq: ${line}\n`);
}
