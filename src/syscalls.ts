/**
 * One function, one system call; numbers for descriptors; the constants under their C names.
 *
 * Exactly what is passed reaches the kernel, and nothing is retried: EINTR and EAGAIN are thrown like the rest. What
 * is no int32 is refused before any call.
 */
export * from './constants';
export * from './socket/syscalls';
export { SystemCallError } from './errors';
export type { Address, InternetAddress, IPv4Address, IPv6Address, UnixAddress } from './address';
