import type { ChildProcess } from 'node:child_process';

/** Nothing that a process is started for takes a quarter of this. */
const SILENCE_MS = 60_000;

/** Kills a process if it falls silent for so long after it was heard, when the signal is aborted, and when this process ends. */
export function keepAlive(
  runner: ChildProcess,
  signal: AbortSignal,
): { heard: (ms?: number) => void; stop: () => void } {
  const kill = (): void => {
    runner.kill('SIGKILL');
  };
  let timer = setTimeout(kill, SILENCE_MS);
  signal.addEventListener('abort', kill);
  process.on('exit', kill);
  return {
    heard: (ms = SILENCE_MS) => {
      clearTimeout(timer);
      timer = setTimeout(kill, ms);
    },
    stop: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', kill);
      process.off('exit', kill);
    },
  };
}

/** Resolves, once the process has ended and all that it said is read, to how that was. */
export function endOf(runner: ChildProcess, stop: () => void): Promise<string> {
  let complaints = '';
  runner.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-4000);
  });
  return new Promise((resolve) => {
    runner.once('error', (error) => {
      stop();
      resolve(error.message);
    });
    runner.once('close', (status, killedBy) => {
      stop();
      const lines = complaints.trim().split('\n');
      const complaint = lines.find((line) => /error|failed/i.test(line)) ?? lines.at(-1) ?? '';
      const end = `the process that ran it ended with ${killedBy ?? `exit status ${status}`}`;
      resolve(complaint === '' ? end : `${end}: ${complaint.trim()}`);
    });
  });
}
