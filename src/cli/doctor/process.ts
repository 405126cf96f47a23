import * as fs from 'node:fs';
import type { Finding } from './finding';

/**
 * Whether a process can be looked at from here: it exists, /proc shows it, and it is in this network namespace.
 * What cannot be told goes to `unknown`.
 */
export function checkProcess(pid: number, unknown: string[]): Finding | undefined {
  if (!fs.existsSync('/proc/self'))
    return finding('no-proc', `process ${pid} cannot be looked at: /proc is not mounted here`, []);
  if (!fs.existsSync(`/proc/${pid}`)) return invisible(pid);
  try {
    const [theirs, ours] = [
      fs.readlinkSync(`/proc/${pid}/ns/net`),
      fs.readlinkSync('/proc/thread-self/ns/net'),
    ];
    return theirs === ours ? undefined : elsewhere(pid, theirs, ours);
  } catch (error) {
    unknown.push(`network namespace of ${pid}: ${(error as Error).message}`);
    return undefined;
  }
}

/** What to say of a process in this namespace that has none of the listeners. */
export function withoutListener(pid: number): Finding {
  try {
    fs.readdirSync(`/proc/${pid}/fd`);
    return finding('no-listener', `process ${pid} holds no listener`, []);
  } catch (error) {
    const title = `which listeners process ${pid} holds cannot be seen: ${(error as Error).message}`;
    return finding('process-hidden', title, [
      '# as root, or as the user of that process',
      `sudo npx listenq doctor --pid ${pid}`,
    ]);
  }
}

function invisible(pid: number): Finding {
  if (!exists(pid))
    return finding('no-such-process', `there is no process ${pid} in this pid namespace`, [
      '# a container counts from 1 again: this is the number from outside',
      'docker inspect --format {{.State.Pid}} CONTAINER',
    ]);
  return finding('process-hidden', `process ${pid} exists, but /proc does not show it (hidepid)`, [
    '# as root, or as the user of that process',
    `sudo npx listenq doctor --pid ${pid}`,
  ]);
}

/** kill(2) knows processes that /proc hides. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function elsewhere(pid: number, theirs: string, ours: string): Finding {
  const title = `process ${pid} is in another network namespace: its listeners and limits are not the ones here`;
  const lines = ['# look from there', `nsenter -t ${pid} -n npx listenq doctor --pid ${pid}`];
  return { ...finding('other-namespace', title, lines), details: [`${theirs}, and here it is ${ours}`] };
}

function finding(id: string, title: string, look: string[]): Finding {
  const remedies = look.length === 0 ? [] : [{ where: 'look' as const, lines: look }];
  return { id, severity: 'problem', title, details: [], remedies };
}
