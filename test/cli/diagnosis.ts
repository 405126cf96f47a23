import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ListeningSocket } from 'listenq/kernel';
import { MAIN, runCommand, type RunOptions } from './command-line';

interface Finding {
  id: string;
  severity: 'problem' | 'advice';
  title: string;
  details: string[];
  remedies: { where: string; lines: string[] }[];
}

export interface Report {
  wrong: boolean;
  findings: Finding[];
  unknown: string[];
  limits: Record<string, number | null>;
  counters: Record<'total' | 'moved', Record<string, number> | null>;
  listeners: (ListeningSocket & { longest: number; droppedNow: number | null })[] | null;
  descriptors: { pid: number; open: number; limit: number }[];
}

export interface Diagnosis extends Report {
  status: number | null;
  /** The findings as 'severity id'. */
  found: string[];
}

/** Runs `doctor --json`, and checks that its exit status says the same as its report. */
export function diagnose(args: readonly string[] = [], options: RunOptions = {}): Diagnosis {
  const { stdout, stderr, status } = runCommand(['doctor', '--for', '0', '--json', ...args], options);
  assert.equal(stderr, '');
  return diagnosisOf(stdout, status);
}

/** The same, while this process goes on. */
export async function diagnoseMeanwhile(args: readonly string[]): Promise<Diagnosis> {
  const child = spawn(process.execPath, [MAIN, 'doctor', '--json', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const [status] = (await once(child, 'close')) as [number | null];
  return diagnosisOf(text, status);
}

function diagnosisOf(stdout: string, status: number | null): Diagnosis {
  const report = JSON.parse(stdout) as Report;
  assert.equal(status, report.wrong ? 1 : 0);
  return { ...report, status, found: report.findings.map(({ severity, id }) => `${severity} ${id}`) };
}

/** All lines of what a finding says to change. */
export function linesOf(diagnosis: Diagnosis, id: string): string[] {
  const finding = diagnosis.findings.find((each) => each.id === id);
  return finding?.remedies.flatMap(({ lines }) => lines) ?? [];
}
