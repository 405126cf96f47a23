import * as fs from 'node:fs';
import type { Remedy } from './finding';

/** RLIMIT_NOFILE of a process, as getrlimit(2) has it. */
export interface DescriptorLimit {
  /** At it, accept(2) fails with EMFILE. */
  soft: number;
  /** How far the process may raise the soft one itself. */
  hard: number;
}

const ROOMY = 65_536;

/** Reads it from /proc/PID/limits. @throws what fs.readFileSync throws */
export function readDescriptorLimit(pid: number | 'self'): DescriptorLimit {
  const text = fs.readFileSync(`/proc/${pid}/limits`, 'latin1');
  const [, soft, hard] = /^Max open files\s+(\S+)\s+(\S+)/m.exec(text) ?? [];
  return { soft: numberOf(soft), hard: numberOf(hard) };
}

/** 'unlimited' is more than any number. */
function numberOf(limit: string | undefined): number {
  return /^\d+$/.test(limit ?? '') ? Number(limit) : Infinity;
}

/** /proc/sys/fs/nr_open: no process can have a larger limit, root's neither. Infinity if it cannot be read. */
function mostDescriptors(): number {
  try {
    return Number(fs.readFileSync('/proc/sys/fs/nr_open', 'utf8'));
  } catch {
    return Infinity;
  }
}

/** How to let a process have `needed` descriptors, or as many as can be had; no limit becomes smaller. */
export function raiseDescriptorLimit(pid: number, { soft, hard }: DescriptorLimit, needed: number): Remedy[] {
  const most = mostDescriptors();
  const roomy = Math.min(Math.max(ROOMY, needed), most);
  const tooFew =
    needed <= most
      ? []
      : [`# fs.nr_open is ${most}, and no limit can exceed it: raise it first, or ask for a smaller backlog`];
  if (roomy <= soft) return [{ where: 'now', lines: tooFew }];
  // Up to the hard limit nobody needs a capability.
  const now =
    needed <= hard
      ? [`prlimit --pid ${pid} --nofile=${Math.min(roomy, hard)}:`]
      : ['# needs CAP_SYS_RESOURCE', `prlimit --pid ${pid} --nofile=${roomy}:${roomy}`];
  const both = `${roomy}:${Math.max(roomy, hard)}`;
  return [
    { where: 'now', lines: [...tooFew, ...now] },
    {
      where: 'systemd',
      lines: ['# the service unit', '[Service]', `LimitNOFILE=${hard > roomy ? both : roomy}`],
    },
    { where: 'Docker', lines: [`docker run --ulimit nofile=${both} …`] },
    {
      where: 'Kubernetes',
      lines: ['# a pod cannot ask for it: LimitNOFILE= of the container runtime, as in containerd.service'],
    },
  ];
}
