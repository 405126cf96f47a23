import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { enterPrivateNetwork } from 'listenq/lab';

/** The root of the checkout, from `dist-test/support/`. */
export const ROOT = path.resolve(__dirname, '..', '..');

/** A test's `skip` option: false, or why it cannot run here. */
export type Skip = string | false;

export function needsRoot(): Skip {
  return process.getuid?.() === 0 ? false : 'needs root';
}

export function needsTool(name: string): Skip {
  const found = spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
  return found ? false : `needs ${name}, which is not installed`;
}

/** The first reason of several, if there is one. */
export function anyOf(...reasons: Skip[]): Skip {
  return reasons.find((reason) => reason !== false) ?? false;
}

/**
 * Moves this test file's process into a network namespace of its own, for sysctls and counters. Each test file is a
 * process; call it at the top, once. Says why where it cannot.
 */
export function privateNetwork(): Skip {
  try {
    enterPrivateNetwork();
    return false;
  } catch (error) {
    return `needs a private network namespace: ${(error as Error).message}`;
  }
}

/** Writes a sysctl of this thread's network namespace; only for files that called `privateNetwork`. */
export function setSysctl(name: string, value: number | string): void {
  fs.writeFileSync(path.join('/proc/sys', name.replaceAll('.', '/')), String(value));
}

/** The descriptors that this process has open, but for the one that looks. */
export function openDescriptors(): number[] {
  const names = fs.readdirSync('/proc/self/fd').map(Number);
  return names.filter((fd) => isOpen(fd)).sort((a, b) => a - b);
}

/** Those that are open and were not then. Of a worker that has ended some may be closed a moment later. */
export function openedSince(before: readonly number[]): number[] {
  return openDescriptors().filter((fd) => !before.includes(fd));
}

function isOpen(fd: number): boolean {
  try {
    fs.fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

/** FD_CLOEXEC of a descriptor, as /proc shows it. */
export function isCloexec(fd: number): boolean {
  const flags = /^flags:\s*(\d+)/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0';
  return (parseInt(flags, 8) & 0o2000000) !== 0;
}

/** A fresh folder under the system's own, removed when the process ends. */
export function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'listenq-'));
  process.on('exit', () => {
    fs.rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}
