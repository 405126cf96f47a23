import { readFileSync } from 'node:fs';

/** The counters of /proc/net/netstat of this network namespace, which has two lines for each group: names and values. */
function tcpCounters() {
  const [names, values] = readFileSync('/proc/net/netstat', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('TcpExt:'))
    .map((line) => line.split(' ').slice(1));
  return Object.fromEntries(names.map((name, i) => [name, Number(values[i])]));
}

/** How often a client's SYN, or the last ACK of its handshake, met a full accept queue. */
export const listenOverflows = () => tcpCounters().ListenOverflows;

/** What the kernel holds in its caches of small objects: sockets, files, inodes. Of the whole machine. */
export function slabBytes() {
  return Number(/^Slab:\s*(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))[1]) * 1024;
}
