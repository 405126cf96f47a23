import { explainBacklog, limits } from 'listenq/kernel';
import { reportedBacklogs } from './backlogs';
import type { CompareOutput, ModelOutput, Part, ReportData } from './data';
import { machineFacts } from './machine';
import { runOwnCommand } from './own-command';

export interface GatherOptions {
  /** Seconds rather than a minute: counts less far, and leaves out what takes long. */
  quick: boolean;
  signal: AbortSignal;
  /** Called before each part. */
  onPart: (number: number, all: number, what: string) => void;
}

/**
 * Looks at this machine, and measures, one part after another, by commands of this command line in processes of their
 * own.
 *
 * @throws the signal's reason, once it is aborted
 */
export async function gather({ quick, signal, onPart }: GatherOptions): Promise<ReportData> {
  const found = limits();
  const backlogs = reportedBacklogs(found.somaxconn);
  const data = {
    machine: machineFacts(),
    limits: found,
    explanations: backlogs.map((backlog) => explainBacklog(backlog)),
  };
  const run = <T>(...args: string[]): Promise<Part<T>> =>
    runOwnCommand<T>([...args, '--json', ...(quick ? ['--quick'] : [])], signal);
  onPart(1, 3, 'queues of this machine');
  const queues = await run<CompareOutput>(...queuesOf(backlogs, found.somaxconn));
  onPart(2, 3, 'the comparison with net.Server');
  const comparison = await run<CompareOutput>('compare');
  onPart(3, 3, 'the model against the kernel');
  const model = await run<ModelOutput>('model');
  return { ...data, queues, comparison, model: testedOnly(model) };
}

/** The comparison's own queues, of these backlogs, and under the machine's own limit. */
function queuesOf(backlogs: readonly number[], somaxconn: number | undefined): string[] {
  const limit = somaxconn === undefined ? [] : ['--somaxconn', String(somaxconn)];
  return ['compare', '--way', 'listenq,listenq-path', '--backlog', backlogs.join(','), ...limit];
}

/** Predictions of which none could be tested are no result. */
function testedOnly(part: Part<ModelOutput>): Part<ModelOutput> {
  if ('why' in part || part.measured.network === 'private') return part;
  return { why: `no private network could be had: ${part.measured.network.reason}` };
}
