import * as c from 'listenq/syscalls';

const UNACKED_AT = 24;
const SACKED_AT = 28;

/** The queue of a TCP listener as TCP_INFO holds it: read here, so that `queue()` has something to be compared to. */
export function queueOfDescriptor(fd: number): { length: number; limit: number } {
  const info = c.getsockopt(fd, c.IPPROTO_TCP, c.TCP_INFO, 104);
  return { length: info.readUInt32LE(UNACKED_AT), limit: info.readUInt32LE(SACKED_AT) };
}

/** The drops of a listener: word 8 of SO_MEMINFO. */
export function dropsOf(fd: number): number {
  return c.getsockopt(fd, c.SOL_SOCKET, c.SO_MEMINFO, 36).readUInt32LE(32);
}
