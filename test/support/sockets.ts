import * as fs from 'node:fs';
import * as c from 'listenq/syscalls';
import type { Address } from 'listenq/syscalls';
import { openDescriptors } from './machine';

/** The port of an internet address. */
export function portOf(address: Address): number {
  if (address.family === 'unix') throw new Error(`no port: ${JSON.stringify(address)}`);
  return address.port;
}

export function domainOf(address: Address): number {
  return { IPv4: c.AF_INET, IPv6: c.AF_INET6, unix: c.AF_UNIX }[address.family];
}

/** A raw socket, closed again whatever `use` does. */
export function withFd<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd);
  } finally {
    c.close(fd);
  }
}

/** A client that begins to connect and does not wait: on loopback it is in the queue when this returns, or never. */
export function beginConnect(to: Address, type: number = c.SOCK_STREAM): number {
  const fd = c.socket(domainOf(to), type | c.SOCK_NONBLOCK | c.SOCK_CLOEXEC);
  try {
    c.connect(fd, to);
  } catch (error) {
    if ((error as { code?: string }).code === 'EINPROGRESS') return fd;
    c.close(fd);
    throw error;
  }
  return fd;
}

/** Clients one after another, as the kernel's count is exact only for those. */
export function beginConnects(to: Address, count: number, type?: number): number[] {
  return Array.from({ length: count }, () => beginConnect(to, type));
}

export function closeAll(things: Iterable<number | { close: () => void }>): void {
  for (const thing of things) {
    if (typeof thing === 'number') c.close(thing);
    else thing.close();
  }
}

/** Whether a client is ESTABLISHED: writable, and no error. */
export function isConnected(fd: number): boolean {
  const [entry] = c.poll([{ fd, events: c.POLLOUT, revents: 0 }], 0);
  return entry !== undefined && (entry.revents & (c.POLLERR | c.POLLHUP)) === 0;
}

/** Runs `use` and says by how many descriptors this process has grown: 0, if nothing leaked. */
export function descriptorsLeft(use: () => void): number {
  const before = openDescriptors().length;
  use();
  return openDescriptors().length - before;
}

/** What /proc says of a descriptor: where it points. */
export function targetOf(fd: number): string {
  return fs.readlinkSync(`/proc/self/fd/${fd}`);
}

/** The inode of a socket, by which the socket diagnostics and /proc name it. */
export function inodeOf(fd: number): number {
  return Number(/^socket:\[(\d+)\]$/.exec(targetOf(fd))?.[1]);
}
