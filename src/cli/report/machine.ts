import * as os from 'node:os';
import { readDescriptorLimit, type DescriptorLimit } from '../doctor/descriptor-limit';
import { version } from '../version';

/** The machine as a stranger may see it: no name of it, of its users, or of its folders. */
export interface MachineFacts {
  /** When it was looked at, in ISO 8601. */
  date: string;
  kernel: string;
  arch: string;
  /** Undefined where /proc/cpuinfo names none. */
  cpu: string | undefined;
  /** CPUs that this process may use. */
  cpus: number;
  memoryBytes: number;
  node: string;
  libuv: string;
  listenq: string;
  /** RLIMIT_NOFILE of this process; undefined if it cannot be read. */
  descriptors: DescriptorLimit | undefined;
}

export function machineFacts(): MachineFacts {
  return {
    date: new Date().toISOString(),
    // Without what a builder adds: it names a build, and no kernel.
    kernel: `${os.type()} ${os.release().replace(/-.*/, '')}`,
    arch: os.arch(),
    cpu: os.cpus()[0]?.model.trim(),
    cpus: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    node: process.version,
    libuv: process.versions.uv,
    listenq: version(),
    descriptors: descriptorLimit(),
  };
}

function descriptorLimit(): DescriptorLimit | undefined {
  try {
    return readDescriptorLimit('self');
  } catch {
    return undefined;
  }
}
