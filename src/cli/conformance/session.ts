import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { endOf, keepAlive } from '../lifeline';
import { FACTS } from './catalogue';
import type { Fact } from './fact';
import type { PrivateNetwork } from './needs';
import type { Verdict } from './run-fact';
import type { RunnerMessage, RunnerTask } from './runner';

export interface FactResult {
  fact: Fact;
  verdict: Verdict;
  ms: number;
}

export interface SessionOptions {
  /** Run in a private network namespace where that may be had. */
  wantPrivate: boolean;
  signal: AbortSignal;
  onNetwork: (network: PrivateNetwork) => void;
  onResult: (result: FactResult) => void;
}

const RUNNER = path.join(__dirname, 'runner.js');
/** What a runner that has said everything gets to end in. */
const END_MS = 3000;

/** A way to start the runner, and what it is told about its network. */
interface Place {
  command: readonly string[];
  network: RunnerTask['network'];
}

const ENTER: Place = { command: [process.execPath], network: 'enter' };
const USER_NAMESPACE: Place = {
  command: ['unshare', '--user', '--map-root-user', '--net', process.execPath],
  network: 'inside',
};
const open = (reason: string): Place => ({ command: [process.execPath], network: { reason } });

/** How a runner came to its end. */
interface End {
  /** Undefined if it never came to say. */
  network: PrivateNetwork | undefined;
  complaint: string;
}

/**
 * Runs facts one after another in a process of their own: in a private network namespace as root, else in one of a
 * user namespace, else in the open. One that takes its process down, or says nothing for a minute, differs; the rest go
 * on in another process. Leaves nothing behind.
 *
 * @throws the signal's reason, once it is aborted
 */
export async function runFacts(facts: readonly Fact[], options: SessionOptions): Promise<void> {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'listenq-conformance-'));
  const tidy = (): void => {
    fs.rmSync(scratch, { recursive: true, force: true });
  };
  process.on('exit', tidy);
  try {
    await runAll(
      facts.map((fact) => FACTS.indexOf(fact)),
      scratch,
      options,
    );
  } finally {
    process.off('exit', tidy);
    tidy();
  }
}

async function runAll(left: number[], scratch: string, options: SessionOptions): Promise<void> {
  let place = options.wantPrivate ? ENTER : open('it was not wanted');
  let reasons = '';
  let told = false;
  while (left.length > 0) {
    options.signal.throwIfAborted();
    const end = await runIn(place, left, scratch, options, (network) => {
      if (!told && (network === 'private' || typeof place.network === 'object')) options.onNetwork(network);
      told ||= network === 'private' || typeof place.network === 'object';
    });
    options.signal.throwIfAborted();
    const refusal = refused(place, end);
    if (refusal !== undefined) {
      reasons += reasons === '' ? refusal : `; ${refusal}`;
      place = place === ENTER ? USER_NAMESPACE : open(reasons);
      continue;
    }
    const index = left.shift();
    const fact = index === undefined ? undefined : FACTS[index];
    if (fact !== undefined) {
      options.onResult({ fact, verdict: { verdict: 'differs', observed: end.complaint }, ms: 0 });
    }
  }
}

/** Why the place could not be had; undefined if it could. */
function refused(place: Place, end: End): string | undefined {
  if (typeof place.network === 'object' || end.network === 'private') return undefined;
  return end.network === undefined ? end.complaint : end.network.reason;
}

/** Runs what is left in one process, and takes from `left` what that has answered. */
function runIn(
  place: Place,
  left: number[],
  scratch: string,
  options: SessionOptions,
  onNetwork: (network: PrivateNetwork) => void,
): Promise<End> {
  const task: RunnerTask = { network: place.network, facts: [...left] };
  const [command = '', ...args] = place.command;
  const runner = spawn(command, [...args, RUNNER, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: scratch },
  });
  let network: PrivateNetwork | undefined;
  const lifeline = keepAlive(runner, options.signal);
  createInterface({ input: runner.stdout }).on('line', (line) => {
    const message = JSON.parse(line) as RunnerMessage;
    if ('network' in message) {
      network = message.network;
      onNetwork(network);
    } else {
      left.splice(left.indexOf(message.fact), 1);
      const fact = FACTS[message.fact];
      if (fact !== undefined) options.onResult({ fact, verdict: message.verdict, ms: message.ms });
    }
    if (left.length === 0) lifeline.heard(END_MS);
    else lifeline.heard();
  });
  return endOf(runner, lifeline.stop).then((complaint) => ({ network, complaint }));
}
