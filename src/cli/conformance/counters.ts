import * as fs from 'node:fs';

/** The counters of this thread's network namespace that /proc/net/netstat and /proc/net/snmp list. */
export function readCounters(): Record<string, number> {
  return {
    ...readTable('/proc/thread-self/net/snmp', 'Tcp:'),
    ...readTable('/proc/thread-self/net/netstat', 'TcpExt:'),
  };
}

/** By how much each of `names` grows while `act` runs: '+4 / +4'. */
export function growth(names: readonly string[], act: () => void): string {
  const before = readCounters();
  act();
  const after = readCounters();
  return names.map((name) => `+${(after[name] ?? NaN) - (before[name] ?? NaN)}`).join(' / ');
}

/** A line of names, and after it one of values. */
function readTable(file: string, label: string): Record<string, number> {
  const [names, values] = fs
    .readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith(`${label} `))
    .map((line) => line.split(' ').slice(1));
  return Object.fromEntries((names ?? []).map((name, i) => [name, Number(values?.[i])]));
}

/** A line of /proc/net/tcp. */
export interface TcpLine {
  localPort: number;
  state: string;
  /** Transmit and receive queue, as it stands there. */
  queues: string;
  inode: number;
}

/** The IPv4 sockets of this network namespace, as /proc/net/tcp lists them. */
export function tcpLines(): TcpLine[] {
  const lines = fs.readFileSync('/proc/thread-self/net/tcp', 'utf8').trim().split('\n').slice(1);
  return lines.map((line) => {
    const fields = line.trim().split(/\s+/);
    const [sent = '', waiting = ''] = (fields[4] ?? '').split(':');
    return {
      localPort: parseInt((fields[1] ?? '').split(':')[1] ?? '', 16),
      state: fields[3] ?? '',
      queues: `${parseInt(sent, 16)}:${parseInt(waiting, 16)}`,
      inode: Number(fields[9]),
    };
  });
}
