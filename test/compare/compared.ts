import assert from 'node:assert/strict';
import { runCommand, type RunOptions } from '../cli/command-line';

/** The rows of `compare --json` that the tests look at. */
export interface Row {
  family: 'tcp' | 'unix';
  way: string;
  asked: string;
  calls: number[] | null;
  arrived: number | null;
  error: string | null;
  failure: string | null;
  filling: {
    limit: number;
    admitted: number;
    waiting: number;
    countedToEnd: boolean;
    next:
      | { sees: 'silence'; state: string; retransmittedAfterMs: number | null; rtoMs: number }
      | { sees: 'error'; code: string; afterMs: number }
      | null;
  } | null;
}

export interface Report {
  kernel: string;
  node: string;
  libuv: string;
  private: boolean;
  network: string;
  somaxconn: number | null;
  rows: Row[];
}

/** Runs `compare --json` to its successful end. */
export function compared(args: readonly string[], options?: RunOptions): Report {
  const { stdout, stderr, status } = runCommand(['compare', '--json', ...args], options);
  assert.equal(status, 0, `exit status ${status}: ${stderr}`);
  return JSON.parse(stdout) as Report;
}

export function rowOf(report: Report, way: string, asked: string): Row {
  const row = report.rows.find((candidate) => candidate.way === way && candidate.asked === asked);
  assert.ok(row, `no row for ${way} with ${asked}`);
  return row;
}

/** Which integer a way made of each backlog. */
export function arrivals(report: Report, way: string): Record<string, number | string | null> {
  const rows = report.rows.filter((row) => row.way === way);
  return Object.fromEntries(rows.map(({ asked, arrived, error }) => [asked, error ?? arrived]));
}
