import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import * as path from 'node:path';
import type { TestContext } from 'node:test';
import { ROOT } from '../../support/machine';

/** How long a line, or an end, may take before the test fails and shows all that was printed. */
const PATIENCE_MS = 20_000;

export interface ProgramOptions {
  env?: Record<string, string>;
  /** Flags of node itself, for examples. */
  nodeFlags?: string[];
}

export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** All that it printed. */
  stdout: string;
  stderr: string;
}

/** A program that a test talks to: its standard input, its lines, its end. Ended with the test, by its own pid. */
export class Program {
  readonly #child: ChildProcess;
  readonly #name: string;
  #stdout = '';
  #stderr = '';
  /** Where the next line starts that `line` has not seen. */
  #seen = 0;
  #closed = false;
  #changed: (() => void) | undefined;

  constructor(
    t: TestContext,
    name: string,
    command: string,
    args: string[],
    env: Record<string, string> = {},
  ) {
    this.#name = name;
    const options = { cwd: ROOT, env: { ...process.env, NODE_OPTIONS: '', ...env } };
    const child = spawn(command, args, { ...options, stdio: 'pipe' });
    this.#child = child;
    const announce = (): void => this.#changed?.();
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      announce();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    // A program that has ended reads no more input; its end is what the test looks at.
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => (this.#stderr += error.message));
    child.on('close', () => {
      this.#closed = true;
      announce();
    });
    t.after(async () => {
      await this.stop();
    });
  }

  /** The next line that matches; those before it are passed over. Fails when time is up, or at the end of output. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    const found = await this.#until(`a line like ${pattern}`, () => {
      for (let end = this.#nextEnd(); end >= 0; end = this.#nextEnd()) {
        const text = this.#stdout.slice(this.#seen, end);
        this.#seen = end + 1;
        const match = pattern.exec(text);
        if (match !== null) return match;
      }
      if (this.#closed) this.#fail(`ended without a line like ${pattern}`);
      return undefined;
    });
    return found;
  }

  /** The part of the next matching line that the pattern's first group takes. */
  async word(pattern: RegExp): Promise<string> {
    const [, word] = await this.line(pattern);
    return word as string;
  }

  /** The port of the next "listening on … port …". */
  async port(): Promise<string> {
    return this.word(/(?:listening|receiving) on .* port (\d+)$/);
  }

  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Ends its standard input. */
  end(text = ''): void {
    this.#child.stdin?.end(text);
  }

  /** Waits for it to end by itself, with all output read. */
  async ended(): Promise<Ending> {
    await this.#until('its end', () => (this.#closed ? true : undefined));
    const { exitCode: code, signalCode: signal } = this.#child;
    return { code, signal, stdout: this.#stdout, stderr: this.#stderr };
  }

  /** Waits for it to end with success, and gives what it printed. */
  async output(): Promise<string> {
    const { code, stdout } = await this.ended();
    if (code !== 0) this.#fail('failed');
    return stdout;
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  #nextEnd(): number {
    return this.#stdout.indexOf('\n', this.#seen);
  }

  async #until<T>(what: string, look: () => T | undefined): Promise<T> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      const left = deadline - performance.now();
      if (left <= 0) this.#fail(`did not give ${what} within ${PATIENCE_MS} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #fail(what: string): never {
    const { exitCode, signalCode } = this.#child;
    const state = this.#closed ? `status ${exitCode}, signal ${signalCode}` : 'still running';
    throw new Error(`${this.#name} ${what} (${state})\nstdout:\n${this.#stdout}\nstderr:\n${this.#stderr}`);
  }

  /** Ends it by SIGTERM, which ends a blocked example like any program, and gives all that it printed. */
  async stop(): Promise<Ending> {
    if (!this.#closed) this.#child.kill('SIGTERM');
    try {
      return await this.ended();
    } catch (error) {
      this.#child.kill('SIGKILL');
      throw error;
    }
  }
}

/** Starts a file of examples/ as its users do. */
export function startExample(
  t: TestContext,
  name: string,
  args: (string | number)[] = [],
  options: ProgramOptions = {},
): Program {
  const command = [...(options.nodeFlags ?? []), path.join('examples', name), ...args.map(String)];
  return new Program(t, name, process.execPath, command, options.env);
}

/** Runs a few lines of JavaScript in a process of their own, in the root of the checkout. */
export function startScript(t: TestContext, script: string): Program {
  return new Program(t, 'script', process.execPath, ['-e', script]);
}

/** What every Python peer may use. */
const PRELUDE = `
import errno, os, select, socket, struct, sys, time
args = sys.argv[1:]
def client(port, host='127.0.0.1'):
    return socket.create_connection((host, int(port)), timeout=20)
def server(backlog=5, host='127.0.0.1'):
    s = socket.socket()
    s.bind((host, 0))
    s.listen(backlog)
    s.settimeout(20)
    print('listening on', host, 'port', s.getsockname()[1])
    return s
def to_end(s):
    data = b''
    while True:
        chunk = s.recv(65536)
        if not chunk: return data
        data += chunk
`;

/** Python itself: a version manager's wrapper would start a shell each time. */
let executable: string | undefined;

/** Starts a Python program as a peer that has nothing of this package. */
export function startPython(t: TestContext, program: string, ...args: (string | number)[]): Program {
  executable ??= spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], {
    encoding: 'utf8',
  }).stdout.trim();
  return new Program(t, 'python3', executable, ['-u', '-c', PRELUDE + program, ...args.map(String)]);
}

/** Runs a Python peer to its end, and gives what it printed. */
export function python(t: TestContext, program: string, ...args: (string | number)[]): Promise<string> {
  return startPython(t, program, ...args).output();
}

/** Runs nc with some input, which it ends (-N), and gives what the server said. */
export function netcat(t: TestContext, input: string, ...args: (string | number)[]): Promise<string> {
  const program = new Program(t, 'nc', 'nc', ['-N', '-w', '15', ...args.map(String)]);
  program.end(input);
  return program.output();
}
