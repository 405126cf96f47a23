import { portArgument, seconds, wholeNumber } from '../arguments';
import { terminalOf } from '../terminal';
import { Option, type Command } from '../vendor';
import { watchOverHttp } from '../watch/http/watch-over-http';
import { watchAsJson, watchAsTables, watchOnScreen, type Plan } from '../watch/watcher';

interface Options {
  port?: number[];
  interval: number;
  count?: number;
  once?: true;
  json?: true;
  http?: number;
  host?: string;
}

/** Who is to see from elsewhere what listens here is for the user to say. */
const HOST = '127.0.0.1';

const NOTES = `
Queue: how many connections wait to be accepted, of how many listen(2) allows (one more than that can wait).
SYN queue: half-open connections. Drops: SYNs that this listener has dropped since it was made.
The kernel counts no accepts for each listener. What the table says is by how much a queue became shorter: at least so many
were accepted. For the whole network namespace it counts the connections that came into queues, and the accepted ones
follow from that and from the queues.

On a terminal it draws in place; q or Ctrl-C ends it, Ctrl-Z stops it. Elsewhere it writes a table, or a line of JSON, for each sample.
With --json, what is not known is null. *:80 is [::]:80 that hears IPv4 too; mptcp marks a listener of Multipath TCP.

With --http it serves a page that shows the last 10 minutes live, to many browsers at once: open the address that it prints.
Only this machine reaches it unless --host says otherwise; from elsewhere come through ssh -L. No page of another origin can
read it. SIGINT or SIGTERM ends it.

That nobody listens on a port of --port is no error: "Nobody listens.", and exit status 0.

Exit status: 0 when it was ended or has taken its samples, 1 if nothing could be read, 2 if the command line was not
understood.`;

const parsePort = wholeNumber(1, 65535);
const parseCount = wholeNumber(1, Number.MAX_SAFE_INTEGER);
const parseInterval = seconds(0.1, 3600);

export function register(program: Command): void {
  program
    .command('watch')
    .summary('show the accept queues live, as top does processes')
    .description('Shows the accept queue of each listener of this network namespace, over and over.')
    .option('--port <number>', 'only listeners on that port; may be given several times', choosePort)
    .option('--interval <seconds>', 'time between samples, 0.1 to 3600', parseInterval, 1)
    .option('--count <number>', 'end after so many samples', parseCount)
    .addOption(new Option('--once', 'one sample, as a plain table').conflicts(['count', 'interval']))
    .option('--json', 'one JSON object on a line for each sample')
    .addOption(
      new Option('--http <port>', 'serve a live page on that port; 0 lets the kernel pick one')
        .argParser(portArgument)
        .conflicts(['json', 'once']),
    )
    .option('--host <address>', `where --http listens (default: "${HOST}")`)
    .addHelpText('after', NOTES)
    .action(watch);
}

function choosePort(text: string, chosen: number[] | undefined): number[] {
  return [...(chosen ?? []), parsePort(text)];
}

async function watch(options: Options, command: Command): Promise<void> {
  if (options.host === '') command.error("error: '--host <address>' wants an address or a name, and not ''");
  if (options.host !== undefined && options.http === undefined) {
    command.error("error: '--host <address>' goes with '--http <port>'");
  }
  const plan: Plan = {
    ports: options.port,
    intervalMs: options.interval * 1000,
    count: options.once === true ? 1 : (options.count ?? Infinity),
  };
  const ended = new AbortController();
  const end = (): void => {
    ended.abort();
  };
  // Not SIGHUP: the terminal is gone then, and Node aborts when it exits without one.
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, end);
  const terminal = terminalOf(process.stdout);
  try {
    const { http, host = HOST } = options;
    if (http !== undefined) await watchOverHttp(plan, { host, port: http }, ended.signal);
    else if (options.json === true) await watchAsJson(plan, ended.signal);
    else if (options.once === true || !mayDraw()) await watchAsTables(plan, ended.signal, terminal);
    else await watchOnScreen(plan, ended, terminal);
  } finally {
    for (const signal of signals) process.off(signal, end);
  }
}

/** A terminal that understands more than lines. */
function mayDraw(): boolean {
  return process.stdout.isTTY && process.env['TERM'] !== 'dumb';
}
