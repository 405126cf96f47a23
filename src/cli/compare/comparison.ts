import * as os from 'node:os';
import { version } from '../version';
import type { Cell, Effort } from './cell';
import type { Network } from './network';

/** What the figures were measured on. */
export interface Machine {
  kernel: string;
  arch: string;
  cpus: number;
  node: string;
  libuv: string;
  listenq: string;
}

/** One run of the command, with all that its reports are made of. */
export interface Comparison {
  machine: Machine;
  network: Network;
  effort: Effort;
  seconds: number;
  cells: Cell[];
}

export function thisMachine(): Machine {
  return {
    kernel: `${os.type()} ${os.release()}`,
    arch: os.arch(),
    cpus: os.availableParallelism(),
    node: process.version,
    libuv: process.versions.uv,
    listenq: version(),
  };
}

/** How far was counted, as a sentence. */
export function countingNote({ effort }: Comparison): string {
  const { countAll, countSome } = effort;
  return `queues that hold more than ${countAll} are not filled to the end: counting stops at ${countSome} clients`;
}
