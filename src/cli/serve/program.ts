import { spawn, type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import type { Address, Connection } from 'listenq';
import { setNonblocking } from 'listenq/syscalls';
import { placeOf } from './place';
import type { Served, Service } from './service';

/** Of descriptors, processes or memory: there will be some again. */
const SHORTAGES: readonly unknown[] = ['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM'];
const AGAIN_MS = 100;

/**
 * Runs a command through sh for each client, with the connection itself as its standard input and output. In a
 * shortage, which is said, the client waits until its command can be started.
 */
export function running(command: string, say: (line: string) => void): Service {
  const ends = new EventEmitter();
  return (connection) => new Run(connection, command, ends, say);
}

/** The command of one client. */
class Run implements Served {
  readonly begun: Promise<void>;
  readonly ended: Promise<string>;
  #child: ChildProcess | undefined;
  #isCut = false;

  /** @param ends says 'end' when any command has ended */
  constructor(connection: Connection, command: string, ends: EventEmitter, say: (line: string) => void) {
    const started = this.#start(connection, command, ends, say);
    this.begun = started.then(ignore, ignore);
    this.ended = started.then(async (child) => {
      const [status, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
      ends.emit('end');
      return signal === null ? `status ${status}` : `ended by ${signal}`;
    });
  }

  async #start(
    connection: Connection,
    command: string,
    ends: EventEmitter,
    say: (line: string) => void,
  ): Promise<ChildProcess> {
    try {
      for (let told = false; ; told = true) {
        try {
          this.#child = spawned(connection, command);
          await once(this.#child, 'spawn');
          return this.#child;
        } catch (error) {
          const { code, message } = error as NodeJS.ErrnoException;
          if (!SHORTAGES.includes(code)) throw error;
          if (!told) say(`${placeOf(connection.remoteAddress)}: ${message}; it waits`);
          await once(ends, 'end', { signal: AbortSignal.timeout(AGAIN_MS) }).catch(ignore);
          if (this.#isCut) throw error;
        }
      }
    } finally {
      // The child has its copies. While this one were open, the client would see no end.
      connection.close();
    }
  }

  readonly cut = (): void => {
    this.#isCut = true;
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    // One that does not heed it, or has become another user's, is nothing to stay for.
    child.unref();
    try {
      process.kill(-child.pid, 'SIGTERM');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
    }
  };
}

function ignore(): void {
  // What it was about is told elsewhere.
}

function spawned(connection: Connection, command: string): ChildProcess {
  const env = { ...process.env, ...environmentOf(connection) };
  const { fd } = connection;
  // The flag belongs to the socket, and programs expect to wait when they read.
  setNonblocking(fd, false);
  // A group of its own: Ctrl-C is for the server, which lets its clients finish.
  return spawn('sh', ['-c', command], { stdio: [fd, fd, 'inherit'], detached: true, env });
}

/** What the command is told of the connection. */
function environmentOf({ localAddress, remoteAddress }: Connection): Record<string, string> {
  return { ...namesOf('LOCAL', localAddress), ...namesOf('REMOTE', remoteAddress) };
}

function namesOf(end: 'LOCAL' | 'REMOTE', address: Address): Record<string, string> {
  // An environment cannot hold the NULs of an abstract name.
  if (address.family === 'unix') return { [`LISTENQ_${end}_PATH`]: address.path.replaceAll('\0', '@') };
  return { [`LISTENQ_${end}_ADDRESS`]: address.address, [`LISTENQ_${end}_PORT`]: String(address.port) };
}
