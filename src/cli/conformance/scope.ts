import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as sys from 'listenq/syscalls';
import { CannotRun } from './fact';

/** SO_LINGER with time 0: close sends RST, so that nothing stays behind in TIME_WAIT. */
const NO_LINGER = Buffer.from(Uint32Array.of(1, 0).buffer);

/**
 * Owns what a fact opens and changes, and undoes it, last thing first, also where the fact throws.
 */
export class Scope {
  readonly #undo: (() => unknown)[] = [];
  readonly #open = new Set<number>();
  #folder: string | undefined;

  /** Has `undo` called at the end; a promise that it returns is waited for. */
  defer(undo: () => unknown): void {
    this.#undo.push(undo);
  }

  /** Has an object closed at the end. */
  use<T extends { close: () => void }>(object: T): T {
    this.defer(() => {
      object.close();
    });
    return object;
  }

  /** Takes a descriptor over. */
  own(fd: number): number {
    this.#open.add(fd);
    this.defer(() => {
      if (this.#open.has(fd)) this.close(fd);
    });
    return fd;
  }

  /** Closes a descriptor now. A connection is reset, so that no TIME_WAIT is left. */
  close(fd: number): void {
    try {
      sys.setsockopt(fd, sys.SOL_SOCKET, sys.SO_LINGER, NO_LINGER);
    } catch {
      // No socket, or one that does not linger.
    }
    this.closeQuietly(fd);
  }

  /** Closes a descriptor now by close(2) alone: a connection ends as it does in an ordinary program. */
  closeQuietly(fd: number): void {
    this.#open.delete(fd);
    sys.close(fd);
  }

  /** A descriptor that was just closed. */
  closed(): number {
    const fd = this.socket(sys.AF_UNIX, sys.SOCK_STREAM);
    this.closeQuietly(fd);
    return fd;
  }

  /** socket(2), CLOEXEC. */
  socket(domain: number, type: number, protocol = 0): number {
    return this.own(sys.socket(domain, type | sys.SOCK_CLOEXEC, protocol));
  }

  /** open(2). */
  openFile(name: string, flags: string | number = 'r'): number {
    return this.own(fs.openSync(name, flags));
  }

  /** A path of that name in a folder that goes away at the end. */
  path(name: string): string {
    if (this.#folder === undefined) {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'listenq-conformance-'));
      this.#folder = folder;
      this.defer(() => {
        fs.rmSync(folder, { recursive: true, force: true });
      });
    }
    return path.join(this.#folder, name);
  }

  /** Sets a sysctl of this network namespace until the end. */
  sysctl(name: string, value: number | string): void {
    const file = path.join('/proc/sys', name.replaceAll('.', '/'));
    try {
      const before = fs.readFileSync(file, 'utf8');
      fs.writeFileSync(file, String(value));
      this.defer(() => {
        fs.writeFileSync(file, before);
      });
    } catch (error) {
      throw new CannotRun(`cannot set ${name} to ${value}: ${(error as Error).message}`);
    }
  }

  /** Lets this process have `count` more descriptors, until the end. */
  room(count: number): void {
    const before = sys.getrlimit(sys.RLIMIT_NOFILE);
    const wanted = count + 200;
    if (before.soft >= wanted) return;
    if (before.hard < wanted)
      throw new CannotRun(`needs ${wanted} descriptors; the hard limit is ${before.hard}`);
    this.limitDescriptors(wanted);
  }

  /** Sets the soft RLIMIT_NOFILE until the end. 0: no new descriptor. */
  limitDescriptors(soft: number): void {
    const before = sys.getrlimit(sys.RLIMIT_NOFILE);
    sys.setrlimit(sys.RLIMIT_NOFILE, { soft, hard: before.hard });
    this.defer(() => {
      sys.setrlimit(sys.RLIMIT_NOFILE, before);
    });
  }

  /** Undoes everything. The first error that comes up is thrown at the end. */
  async end(): Promise<void> {
    const errors: unknown[] = [];
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) {
      try {
        await undo();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
