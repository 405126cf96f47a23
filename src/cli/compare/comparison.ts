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

export function machineNote(machine: Machine): string {
  const { kernel, arch, cpus, node, libuv, listenq } = machine;
  return `listenq ${listenq}, Node ${node}, libuv ${libuv}, ${kernel}, ${arch}, ${cpus} CPUs`;
}

/** How far is counted, as part of a sentence. */
export function countingNote({ countAll, countSome }: Effort): string {
  const full = `queues that hold up to ${countAll} are filled until the kernel refuses a client`;
  return `${full}, of larger ones it stops at ${countSome} (shown as "> ${countSome}")`;
}
