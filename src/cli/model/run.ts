import { spawn } from 'node:child_process';
import * as os from 'node:os';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { explainBacklog, type ModelLimits } from 'listenq/kernel';
import { endOf, keepAlive } from '../lifeline';
import type { Case } from './case';
import { allCases, type Choice } from './cases';
import type { RunnerMessage, RunnerTask } from './runner';
import type { Verdict } from './verdict';

export interface RunOptions extends Choice {
  /** Limits to predict by in place of the true ones, so that the check is seen to fail. */
  pretend: ModelLimits;
  signal: AbortSignal;
  onResult: (done: number, all: number) => void;
}

export interface CaseResult {
  case: Case;
  verdict: Verdict;
}

/** The model held against this kernel. */
export interface ModelRun {
  kernel: string;
  machine: string;
  network: 'private' | { reason: string };
  quick: boolean;
  random: number;
  seed: number;
  pretend: ModelLimits;
  seconds: number;
  results: CaseResult[];
}

const RUNNER = path.join(__dirname, 'runner.js');

/** A command that runs node, so that it may enter private network namespaces. */
type Place = readonly [string, ...string[]];

const PLACES: readonly Place[] = [
  [process.execPath],
  ['unshare', '--user', '--map-root-user', '--net', process.execPath],
];

/** The work of one process. */
interface Lane {
  cases: { index: number; case: Case }[];
  atOnce: boolean;
}

/**
 * Holds the model against the kernel: predicts each case, does it in a private network namespace, and compares. Those
 * that wait for the kernel's timers run all at once in one process, the others in as many as there are CPUs.
 *
 * @throws the signal's reason, once it is aborted
 */
export async function runModel(options: RunOptions): Promise<ModelRun> {
  const { quick, random, seed, pretend } = options;
  const began = performance.now();
  const cases = allCases(options);
  const place = await findPlace(options.signal);
  const verdicts: Verdict[] =
    'reason' in place
      ? cases.map(() => ({ verdict: 'not run', reason: `needs a private network: ${place.reason}` }))
      : await runAll(cases, place.command, options);
  return {
    kernel: os.release(),
    machine: os.machine(),
    network: 'reason' in place ? place : 'private',
    quick,
    random,
    seed,
    pretend,
    seconds: (performance.now() - began) / 1000,
    results: cases.map((one, index) => ({ case: one, verdict: verdicts[index] as Verdict })),
  };
}

async function findPlace(signal: AbortSignal): Promise<{ command: Place } | { reason: string }> {
  const reasons = [];
  for (const command of PLACES) {
    let network: 'private' | { reason: string } | undefined;
    const complaint = await start(command, { cases: [], atOnce: false, pretend: {} }, signal, (message) => {
      if ('network' in message) ({ network } = message);
    });
    if (network === 'private') return { command };
    reasons.push(network === undefined ? complaint : network.reason);
  }
  return { reason: reasons.join('; ') };
}

async function runAll(cases: readonly Case[], place: Place, options: RunOptions): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  let done = 0;
  const run = async (lane: Lane): Promise<void> => {
    const task = { ...lane, pretend: options.pretend };
    const complaint = await start(place, task, options.signal, (message) => {
      if (!('index' in message)) return;
      verdicts[message.index] = message.verdict;
      options.onResult(++done, cases.length);
    });
    for (const { index } of lane.cases) {
      verdicts[index] ??= { verdict: 'failed', predicted: {}, found: { error: complaint } };
    }
  };
  await Promise.all(lanesOf(cases).map(run));
  return verdicts;
}

function lanesOf(cases: readonly Case[]): Lane[] {
  const numbered = cases.map((one, index) => ({ index, case: one }));
  const timers = numbered.filter(({ case: { group } }) => group === 'timers');
  const work = numbered.filter(({ case: { group } }) => group !== 'timers');
  work.sort((a, b) => effortOf(b.case) - effortOf(a.case));
  const lanes = Array.from({ length: Math.min(4, os.availableParallelism()) }, (): Lane => ({
    cases: [],
    atOnce: false,
  }));
  work.forEach((one, i) => lanes[i % lanes.length]?.cases.push(one));
  return [{ cases: timers, atOnce: true }, ...lanes].filter((lane) => lane.cases.length > 0);
}

/** About how many packets a case takes. */
function effortOf({ kind, backlog, settings, fillUpTo }: Case): number {
  const { tcp } = explainBacklog(backlog, settings);
  return kind === 'SYN queue' ? tcp.halfOpen.most : Math.min(tcp.waiting, fillUpTo);
}

/** Runs cases in a process. Resolves, once it has ended, to how that was. */
async function start(
  place: Place,
  task: RunnerTask,
  signal: AbortSignal,
  onMessage: (message: RunnerMessage) => void,
): Promise<string> {
  signal.throwIfAborted();
  const [command, ...args] = place;
  const runner = spawn(command, [...args, RUNNER], { stdio: ['pipe', 'pipe', 'pipe'] });
  const lifeline = keepAlive(runner, signal);
  createInterface({ input: runner.stdout }).on('line', (line) => {
    onMessage(JSON.parse(line) as RunnerMessage);
    lifeline.heard();
  });
  // A process that has ended before it read all says so at its end.
  runner.stdin.on('error', () => undefined);
  runner.stdin.end(JSON.stringify(task));
  const end = await endOf(runner, lifeline.stop);
  signal.throwIfAborted();
  return end;
}
