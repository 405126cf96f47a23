import * as fs from 'node:fs';
import * as path from 'node:path';
import { interruptible } from '../interruptible';
import type { ReportData } from '../report/data';
import { reportDocument, type Assets } from '../report/document';
import { replaceable } from '../report/file';
import { gather } from '../report/gather';
import type { Command } from '../vendor';

interface Options {
  quick?: true;
  json?: true;
}

const FILE = 'listenq-report.html';
const BUNDLES = path.join(__dirname, '..', 'browser');
const LICENCES = path.join(__dirname, '..', 'vendor-licenses.txt');

const NOTES = `
The file needs nothing else: no server, no network. In it are the limits, what each backlog means here, the comparison
with net.Server, and the model's predictions against what the kernel did, as tables and plots. It names the CPU, the
kernel's version and Node's, and no host, user or folder. A file of that name is replaced.

Measured is by listenq compare and listenq model, in private network namespaces where the system lets them; nothing is
changed outside. What cannot be measured here stands in the report with the reason.

Exit status: 0 if the report was written, 1 if not, or if nothing could be measured for it, 2 if the command line was
not understood.`;

export function register(program: Command): void {
  program
    .command('report')
    .summary('write what holds on this machine into one HTML file')
    .description(
      'Measures this machine for a minute, and writes what it found into one self-contained HTML file.',
    )
    .argument('[file]', `where to (default: ${FILE} in this folder)`)
    .option('--quick', 'seconds instead of a minute: counts less far, and leaves out what takes long')
    .option('--json', 'print what was found as one JSON object, and write no file')
    .addHelpText('after', NOTES)
    .action(report);
}

async function report(file: string | undefined, options: Options, command: Command): Promise<void> {
  if (options.json === true && file !== undefined) {
    command.error('error: --json prints, and writes no file: leave one of them out');
  }
  if (file === '') command.error('error: the name of the file is empty');
  const target = options.json === true ? undefined : replaceable(file ?? FILE);
  // Written within: a signal that comes meanwhile counts when the file is whole.
  const data = await interruptible(async (signal) => {
    const found = await gather({ quick: options.quick === true, signal, onPart: showProgress });
    target?.write(reportDocument(found, readAssets()));
    return found;
  }).finally(clearProgress);
  process.stdout.write(target === undefined ? `${jsonOf(data)}\n` : `wrote ${target.path}\n`);
  if (nothingMeasured(data)) throw new Error(`nothing could be measured: ${data.model.why}`);
}

/** What is not known is null. */
function jsonOf(data: ReportData): string {
  const plain = (_: string, value: unknown): unknown => (value === Infinity ? 'unlimited' : (value ?? null));
  return JSON.stringify(data, plain, 2);
}

function nothingMeasured(data: ReportData): data is ReportData & { model: { why: string } } {
  return 'why' in data.queues && 'why' in data.comparison && 'why' in data.model;
}

function readAssets(): Assets {
  const read = (name: string): string => fs.readFileSync(path.join(BUNDLES, name), 'utf8');
  return { script: read('report.js'), style: read('report.css'), licences: licenceOfPlots() };
}

/** vendor-licenses.txt has one text after another, each headed by the package's name and version. */
function licenceOfPlots(): string {
  const texts = fs.readFileSync(LICENCES, 'utf8').split(/^-{80}$/m);
  return texts.find((text) => /^uplot /i.test(text.trim()))?.trim() ?? '';
}

function showProgress(number: number, all: number, what: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[Kmeasuring, ${number} of ${all}: ${what}`);
}

function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
}
