import { spawn, type ChildProcess } from 'node:child_process';
import type { Address, Connection } from 'listenq';
import { close, setNonblocking } from 'listenq/syscalls';
import type { Served, Service } from './service';

/** Runs a command through sh for each client, with the connection itself as its standard input and output. */
export function running(command: string): Service {
  return (connection) => {
    const env = { ...process.env, ...environmentOf(connection) };
    const fd = connection.detach();
    try {
      // The flag belongs to the socket, and programs expect to wait when they read.
      setNonblocking(fd, false);
      // A group of its own: Ctrl-C is for the server, which lets its clients finish.
      return served(spawn('sh', ['-c', command], { stdio: [fd, fd, 'inherit'], detached: true, env }));
    } finally {
      // The child has its copies. While this one were open, the client would see no end.
      close(fd);
    }
  };
}

function served(child: ChildProcess): Served {
  const ended = new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status, signal) =>
      resolve(signal === null ? `status ${status}` : `ended by ${signal}`),
    );
  });
  const cut = (): void => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    // One that does not heed it, or has become another user's, is nothing to stay for.
    child.unref();
    try {
      process.kill(-child.pid, 'SIGTERM');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
    }
  };
  return { ended, cut };
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
