import assert from 'node:assert/strict';
import type { ListeningSocket } from 'listenq/kernel';
import { runCommand, type RunOptions } from './command-line';

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
  const report = JSON.parse(stdout) as Report;
  assert.equal(status, report.wrong ? 1 : 0);
  return { ...report, status, found: report.findings.map(({ severity, id }) => `${severity} ${id}`) };
}

/** All lines of what a finding says to change. */
export function linesOf(diagnosis: Diagnosis, id: string): string[] {
  const finding = diagnosis.findings.find((each) => each.id === id);
  return finding?.remedies.flatMap(({ lines }) => lines) ?? [];
}
