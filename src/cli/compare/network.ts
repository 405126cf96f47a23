import { limits } from 'listenq';
import { bringUpLoopback, enterPrivateNetwork } from 'listenq/lab';
import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';

/** Where the probes listen. */
export interface Network {
  private: boolean;
  /** One sentence: how it was entered, or why it was not. */
  note: string;
  /** net.core.somaxconn while the probes run; undefined where it cannot be read. */
  somaxconn: number | undefined;
  /** One sentence: whether it was changed. */
  somaxconnNote: string;
}

/** Names, for the process that unshare(1) starts, the network that it was started to leave. */
const INSIDE = 'LISTENQ_COMPARE_NAMESPACE';
const UNSHARE = ['unshare', '--user', '--map-root-user', '--net'] as const;
const SOMAXCONN_FILE = '/proc/sys/net/core/somaxconn';
/** Above 65536, so that this is not capped; and another number, so that it shows which backlogs are. */
export const ROOMY_SOMAXCONN = 131072;

/**
 * Moves this process into a private network namespace where it may, and sets net.core.somaxconn there.
 *
 * @returns where the probes will listen; or 'in a child', if the command has to be started again to get there
 */
export function enterNetwork(wanted: boolean, somaxconn: number): Network | 'in a child' {
  if (!wanted) return openNetwork('as --no-private asks');
  const left = process.env[INSIDE];
  // Whoever has the variable from elsewhere is not inside, and the system's own somaxconn is not for us to change.
  if (left !== undefined && left !== ownNetwork()) {
    bringUpLoopback();
    return privateNetwork(
      'a network namespace of its own, inside a user namespace made by unshare(1)',
      somaxconn,
    );
  }
  try {
    enterPrivateNetwork();
  } catch (error) {
    const reason = (error as Error).message;
    const refusal = userNamespaceRefusal();
    if (refusal === undefined) return 'in a child';
    return openNetwork(`no private network namespace could be had: ${reason}; ${refusal}`);
  }
  return privateNetwork('a network namespace of its own', somaxconn);
}

/** The network namespace that this process was started in, as the kernel names it. */
function ownNetwork(): string {
  return fs.readlinkSync('/proc/self/ns/net');
}

/** Why this user cannot have a user namespace; undefined if it can. */
function userNamespaceRefusal(): string | undefined {
  const [command, ...args] = UNSHARE;
  const { status, error, stderr } = spawnSync(command, [...args, 'true'], { encoding: 'utf8' });
  if (status === 0) return undefined;
  return error === undefined ? stderr.trim().replaceAll(/\s*\n\s*/g, ' ') : `${command}: ${error.message}`;
}

/** Runs this very command line again inside a user namespace. @returns its exit status */
export function runInUserNamespace(): Promise<number> {
  const [command, ...args] = UNSHARE;
  const child = spawn(command, [...args, process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    stdio: 'inherit',
    env: { ...process.env, [INSIDE]: ownNetwork() },
  });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status) => {
      resolve(status ?? 1);
    });
  });
}

function openNetwork(why: string): Network {
  return {
    private: false,
    note: `in the open, on this machine's own loopback: ${why}`,
    somaxconn: limits().somaxconn,
    somaxconnNote: 'as found; nothing is changed in the open',
  };
}

function privateNetwork(note: string, wanted: number): Network {
  const before = limits().somaxconn;
  let somaxconnNote = `${before ?? 'unreadable'} in a new namespace, set to ${wanted} for this run`;
  try {
    fs.writeFileSync(SOMAXCONN_FILE, String(wanted));
  } catch (error) {
    somaxconnNote = `as found; it could not be set here: ${(error as Error).message}`;
  }
  return { private: true, note, somaxconn: limits().somaxconn, somaxconnNote };
}
