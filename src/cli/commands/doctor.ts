import { seconds, wholeNumber } from '../arguments';
import { checkDescriptors } from '../doctor/descriptors';
import { examine, type Examination, type Subject } from '../doctor/examination';
import type { Finding } from '../doctor/finding';
import { checkLimits } from '../doctor/limits';
import { checkNamespace } from '../doctor/namespace';
import { checkProcess, withoutListener } from '../doctor/process';
import { checkQueues } from '../doctor/queues';
import { isWrong, jsonReport, textReport, type Report } from '../doctor/report';
import { settled } from '../doctor/sysctls';
import { checkSynQueues } from '../doctor/syn-queues';
import { terminalOf } from '../terminal';
import { Option, type Command } from '../vendor';

interface Options extends Subject {
  for: number;
  json?: true;
}

const NOTES = `
A problem is something that turns clients away, or is about to: a queue that is full or nearly, one from which nothing
is accepted, SYNs dropped during the look, a process near its descriptor limit; and a port or process with nothing to
look at. Each comes with what to change. Advice names what may become one, or was one: SYNs dropped before. With --for 0
nothing can be said of what happens meanwhile. What could not be read is listed, and the rest is shown.

Exit status: 0 if there is no problem, 1 if there is one, or neither listeners nor counters could be read, 2 if the
command line was not understood.`;

const parsePort = wholeNumber(1, 65535);
const parsePid = wholeNumber(1, 2 ** 31 - 1);
const parseSeconds = seconds(0, 3600);

export function register(program: Command): void {
  program
    .command('doctor')
    .summary('look for full queues, drops and limits that turn clients away')
    .description(
      'Looks at the listeners, limits and counters of this network namespace for what turns clients away, and says ' +
        'what to change.',
    )
    .addOption(
      new Option('--port <number>', 'only listeners on that port').argParser(parsePort).conflicts('pid'),
    )
    .addOption(new Option('--pid <number>', 'only listeners that this process holds').argParser(parsePid))
    .option('--for <seconds>', 'how long to look, 0 to 3600', parseSeconds, 1)
    .option('--json', 'print one JSON object')
    .addHelpText('after', NOTES)
    .action(doctor);
}

async function doctor({ port, pid, for: lookSeconds, json }: Options): Promise<void> {
  const subject: Subject = { ...(port === undefined ? {} : { port }), ...(pid === undefined ? {} : { pid }) };
  const report = await diagnose(subject, lookSeconds * 1000);
  process.stdout.write(
    json === true ? `${jsonReport(report)}\n` : textReport(report, terminalOf(process.stdout)),
  );
  if (isWrong(report)) process.exitCode = 1;
}

async function diagnose(subject: Subject, lookMs: number): Promise<Report> {
  const unknown: string[] = [];
  const hindrance = subject.pid === undefined ? undefined : checkProcess(subject.pid, unknown);
  if (hindrance !== undefined) return { subject, findings: [hindrance], unknown, examination: undefined };
  const examination = await examine(subject, lookMs);
  unknown.push(...examination.unknown);
  if (examination.listeners === undefined && examination.counters === undefined)
    throw new Error(unknown.join('; '));
  const findings = settled([
    ...checkSubject(examination),
    ...checkQueues(examination),
    ...checkSynQueues(examination),
    ...checkNamespace(examination),
    ...checkDescriptors(examination.descriptors, examination.listeners ?? []),
    ...checkLimits(examination),
  ]);
  return { subject, findings, unknown, examination };
}

/** Whether there is anything on that port, or in that process, to look at. */
function checkSubject({ subject: { port, pid }, listeners }: Examination): Finding[] {
  if (listeners === undefined || listeners.length > 0) return [];
  if (pid !== undefined) return [withoutListener(pid)];
  if (port === undefined) return [];
  return [
    {
      id: 'nobody-listens',
      severity: 'problem',
      title: `nobody listens on port ${port} in this network namespace`,
      details: [],
      remedies: [
        {
          where: 'look',
          lines: [
            '# a container has a network namespace of its own: look from there',
            'nsenter -t PID -n npx listenq doctor',
          ],
        },
      ],
    },
  ];
}
