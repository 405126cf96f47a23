import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { failedCell, type Cell, type Effort, type Task } from './cell';
import type { WayId } from './ways';

const PROBE = path.join(__dirname, 'probe.js');
const PROBE_MS = 120_000;

export interface Plan {
  ways: readonly WayId[];
  /** As JavaScript text. */
  backlogs: readonly string[];
  effort: Effort;
}

/** A probe spends most of its time waiting for a retransmission, so that more of them than CPUs may run. */
function parallelProbes(): number {
  return Math.min(8, 4 * os.availableParallelism());
}

/**
 * Runs one probe process for each backlog and way, a few at a time. None is left behind, whatever happens.
 *
 * @throws Error once `signal` is aborted
 */
export async function runProbes(
  plan: Plan,
  signal: AbortSignal,
  onCell: (done: number, all: number) => void,
): Promise<Cell[]> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'listenq-'));
  try {
    const pairs = plan.ways.flatMap((way) => plan.backlogs.map((asked) => ({ way, asked })));
    const cells = new Array<Cell>(pairs.length);
    let next = 0;
    let done = 0;
    const work = async (): Promise<void> => {
      for (let i = next++; i < pairs.length; i = next++) {
        const task = {
          ...(pairs[i] as (typeof pairs)[number]),
          effort: plan.effort,
          folder: path.join(folder, String(i)),
        };
        fs.mkdirSync(task.folder);
        cells[i] = await runProbe(task, signal);
        onCell(++done, pairs.length);
      }
    };
    await Promise.allSettled(Array.from({ length: parallelProbes() }, work));
    signal.throwIfAborted();
    return cells;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Resolves once the probe has ended, however it did. */
function runProbe(task: Task, signal: AbortSignal): Promise<Cell> {
  return new Promise((resolve) => {
    signal.throwIfAborted();
    const probe = spawn(process.execPath, [PROBE, JSON.stringify(task)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: PROBE_MS,
      killSignal: 'SIGKILL',
    });
    const output: Buffer[] = [];
    const complaints: Buffer[] = [];
    probe.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    probe.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
    const end = (): void => void probe.kill('SIGKILL');
    signal.addEventListener('abort', end);
    probe.once('error', (error) => {
      resolve(failedCell(task, `the probe process did not start: ${error.message}`));
    });
    probe.once('close', (status, killedBy) => {
      signal.removeEventListener('abort', end);
      resolve(parseCell(Buffer.concat(output)) ?? failedCell(task, whyNot(status, killedBy, complaints)));
    });
  });
}

function parseCell(output: Buffer): Cell | undefined {
  try {
    return JSON.parse(output.toString()) as Cell;
  } catch {
    return undefined;
  }
}

function whyNot(status: number | null, killedBy: string | null, complaints: Buffer[]): string {
  const lines = Buffer.concat(complaints).toString().trim().split('\n');
  const complaint = lines.find((line) => /error/i.test(line)) ?? lines.at(-1) ?? '';
  const end = killedBy ?? `exit status ${status}`;
  return `the probe process ended with ${end}${complaint === '' ? '' : `: ${complaint}`}`;
}
