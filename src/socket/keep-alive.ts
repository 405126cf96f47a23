import * as c from '../constants';
import { native } from '../native/load';
import * as check from '../validate';

/** How keep-alive probes an idle connection; what is left out stays as net.ipv4.tcp_keepalive_* say. */
export interface KeepAliveOptions {
  /** TCP_KEEPIDLE: quiet seconds before the first probe. */
  idleSeconds?: number;
  /** TCP_KEEPINTVL: seconds between probes. */
  intervalSeconds?: number;
  /** TCP_KEEPCNT: unanswered probes before the connection counts as dead (ETIMEDOUT). */
  count?: number;
}

const TIMES = [
  [c.TCP_KEEPIDLE, 'idleSeconds'],
  [c.TCP_KEEPINTVL, 'intervalSeconds'],
  [c.TCP_KEEPCNT, 'count'],
] as const;

/** Sets SO_KEEPALIVE, and when and how often it probes. */
export function setKeepAlive(fd: number, on: boolean, options: KeepAliveOptions): void {
  const wanted = TIMES.filter(([, name]) => options[name] !== undefined).map(
    ([option, name]) => [option, check.integer(options[name], `options.${name}`, 1)] as const,
  );
  // The times first: one that the kernel refuses leaves the probes off.
  for (const [option, value] of wanted) native.setsockopt(fd, c.IPPROTO_TCP, option, value);
  native.setsockopt(fd, c.SOL_SOCKET, c.SO_KEEPALIVE, on ? 1 : 0);
}
