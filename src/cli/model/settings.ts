import * as fs from 'node:fs';
import * as path from 'node:path';
import { SYSCTLS } from 'listenq/kernel';
import { CannotRun } from '../conformance/fact';
import type { Settings } from './case';

/** Sets sysctls of this thread's network namespace, which must be a private one. */
export function applySettings(settings: Settings): void {
  for (const [key, value] of Object.entries(settings)) setSysctl(SYSCTLS[key as keyof Settings], value);
}

function setSysctl(name: string, value: number): void {
  try {
    fs.writeFileSync(path.join('/proc/sys', name.replaceAll('.', '/')), String(value));
  } catch (error) {
    throw new CannotRun(`cannot set ${name} to ${value}: ${(error as Error).message}`);
  }
}

/**
 * Keeps the kernel from remembering peers: one that it has metrics of is spared by net.ipv4.tcp_max_syn_backlog, and the
 * honest clients all come from 127.0.0.1.
 */
export function forgetPeers(): void {
  setSysctl('net.ipv4.tcp_no_metrics_save', 1);
}
