import { native } from '../native/load';

/**
 * Moves this thread into a new network namespace with nothing but a loopback interface, brought up: unshare(2). What
 * this thread opens, starts or reads under /proc/sys/net afterwards is of that namespace, so that a sysctl can be set
 * and a port bound without anybody outside noticing. Sockets that are open stay where they are. There is no way back.
 *
 * @throws SystemCallError EPERM without CAP_SYS_ADMIN
 */
export function enterPrivateNetwork(): void {
  native.enterPrivateNetwork();
}

/** Brings `lo` up, for a process that was started in a new namespace, as by unshare(1). @throws SystemCallError EPERM */
export function bringUpLoopback(): void {
  native.bringUpLoopback();
}
