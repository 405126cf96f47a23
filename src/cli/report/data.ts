import type { BacklogExplanation, Limits } from 'listenq/kernel';
import type { Cell, Effort } from '../compare/cell';
import type { Machine } from '../compare/comparison';
import type { Case } from '../model/case';
import type { Tally } from '../model/report';
import type { Verdict } from '../model/verdict';
import type { MachineFacts } from './machine';

/** What `listenq compare --json` prints. */
export interface CompareOutput extends Machine, Effort {
  private: boolean;
  network: string;
  somaxconn: number | null;
  somaxconnNote: string;
  seconds: number;
  rows: Cell[];
}

/** What `listenq model --json` prints. */
export interface ModelOutput {
  network: 'private' | { reason: string };
  quick: boolean;
  random: number;
  seed: number;
  seconds: number;
  summary: Tally;
  cases: ModelCase[];
}

export type ModelCase = Case & { title: string } & Verdict;

/** What was measured, or why that could not be. */
export type Part<T> = { measured: T } | { why: string };

/** All that the report is made of; `listenq report --json` prints it. */
export interface ReportData {
  machine: MachineFacts;
  limits: Limits;
  /** In the order in which the kernel reads them: as unsigned numbers. */
  explanations: BacklogExplanation[];
  /** Queues of these backlogs, filled under this machine's net.core.somaxconn. */
  queues: Part<CompareOutput>;
  comparison: Part<CompareOutput>;
  model: Part<ModelOutput>;
}
