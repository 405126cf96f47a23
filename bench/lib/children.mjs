// Processes that talk in lines: the peers and the load generators.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

const ANSWER_WITHIN_MS = 120_000;

export class Child {
  #process;
  #output = '';
  #errors = '';
  #ended = false;

  constructor([command, ...args]) {
    this.#process = spawn(command, args, { stdio: 'pipe' });
    running.add(this.#process);
    this.#process.stdout.on('data', (text) => (this.#output += text));
    this.#process.stderr.on('data', (text) => (this.#errors += text));
    this.#process.stdin.on('error', () => undefined); // it ended: `line` says so
    this.#process.on('error', (error) => (this.#errors += error.message));
    this.#process.on('close', () => {
      this.#ended = true;
      running.delete(this.#process);
    });
  }

  get pid() {
    return this.#process.pid;
  }

  signal(name) {
    this.#process.kill(name);
  }

  say(line) {
    this.#process.stdin.write(`${line}\n`);
  }

  /** The next line that it prints. Rejects with what it complained of if it ends instead. */
  async line() {
    const deadline = AbortSignal.timeout(ANSWER_WITHIN_MS);
    for (;;) {
      const end = this.#output.indexOf('\n');
      if (end >= 0) {
        const line = this.#output.slice(0, end);
        this.#output = this.#output.slice(end + 1);
        return line;
      }
      if (this.#ended) throw new Error(this.#complaint());
      await Promise.race([
        once(this.#process.stdout, 'data', { signal: deadline }),
        once(this.#process, 'close', { signal: deadline }),
      ]);
    }
  }

  async end() {
    if (this.#ended) return;
    const closed = once(this.#process, 'close');
    this.#process.kill('SIGKILL');
    await closed;
  }

  /** Of a stack, the line that says what happened. */
  #complaint() {
    const lines = this.#errors.split('\n').map((line) => line.trim());
    return lines.find((line) => /error|full/i.test(line)) ?? lines[0] ?? 'it ended without a word';
  }
}
