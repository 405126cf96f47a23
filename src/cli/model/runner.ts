/**
 * The process that cases run in, each in network namespaces of its own. Is told what to do in one line of JSON on stdin;
 * says the network that it is in, and each verdict, in lines of JSON on stdout.
 */
import * as fs from 'node:fs';
import { enterPrivateNetwork } from 'listenq/lab';
import { explainBacklog, limits, type BacklogExplanation, type ModelLimits } from 'listenq/kernel';
import { CannotRun } from '../conformance/fact';
import { Scope } from '../conformance/scope';
import { acceptQueue } from './accept-queue';
import type { Case, Kind } from './case';
import { lastAck } from './last-ack';
import { routeSources } from './raw-syn';
import { applySettings, forgetPeers } from './settings';
import { fullQueue, synQueue } from './syn-queue';
import { crowded, halfOpenLife, synTimes } from './timers';
import { unixQueue } from './unix-queue';
import { judge, type Comparison, type Verdict } from './verdict';

export interface RunnerTask {
  cases: { index: number; case: Case }[];
  /** Run the cases at once, each in a namespace of its own, rather than one after another. */
  atOnce: boolean;
  /** Limits to predict by, in place of the true ones. */
  pretend: ModelLimits;
}

export type RunnerMessage = { network: 'private' | { reason: string } } | { index: number; verdict: Verdict };

type Measure = (s: Scope, one: Case, predicted: BacklogExplanation) => Comparison | Promise<Comparison>;

const MEASURES: Readonly<Record<Kind, Measure>> = {
  'accept queue': acceptQueue,
  stream: unixQueue,
  seqpacket: unixQueue,
  'SYN queue': synQueue,
  'full queue': fullQueue,
  'last ACK': lastAck,
  'SYN times': synTimes,
  'half-open life': halfOpenLife,
  crowded,
};

/** Synchronous, so that nothing is lost in a crash. */
function say(message: RunnerMessage): void {
  fs.writeSync(1, `${JSON.stringify(message)}\n`);
}

function enter(): void {
  enterPrivateNetwork();
  forgetPeers();
  routeSources();
}

/** Up to its first wait, a case has the thread, and so its namespace, to itself. */
async function run(one: Case, pretend: ModelLimits): Promise<Verdict> {
  const scope = new Scope();
  try {
    applySettings(one.settings);
    const predicted = explainBacklog(one.backlog, { ...limits(), ...pretend });
    return judge(await MEASURES[one.kind](scope, one, predicted));
  } catch (error) {
    if (error instanceof CannotRun) return { verdict: 'not run', reason: error.message };
    return { verdict: 'failed', predicted: {}, found: { error: (error as Error).message } };
  } finally {
    await scope.end();
  }
}

async function main(): Promise<void> {
  const task = JSON.parse(fs.readFileSync(0, 'utf8')) as RunnerTask;
  try {
    enter();
  } catch (error) {
    say({ network: { reason: (error as Error).message } });
    return;
  }
  say({ network: 'private' });
  const runs = [];
  for (const { index, case: one } of task.cases) {
    if (task.atOnce) enter();
    const running = run(one, task.pretend).then((verdict) => {
      say({ index, verdict });
    });
    if (task.atOnce) runs.push(running);
    else await running;
  }
  await Promise.all(runs);
}

void main();
