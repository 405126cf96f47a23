import * as fs from 'node:fs';
import { invalidArgType, platformUnsupported, SUPPORTED, SystemCallError } from '../errors';
import { object } from '../validate';

/**
 * Counters of a network namespace, each under its kernel name with the first word in lower case: ListenOverflows is
 * `listenOverflows`, TCPReqQFullDrop `tcpReqQFullDrop`. Those that concern listening are described here; the rest of
 * Tcp and TcpExt is there too. What this kernel does not count is missing. They begin at 0 with the namespace, and
 * count segments rather than clients: who repeats a SYN is counted each time.
 */
export interface Counters {
  /** SYNs, and last ACKs of handshakes, that met a full accept queue. */
  listenOverflows?: number;
  /** All that listeners dropped: the overflows, and SYNs for which there was no room or no memory. */
  listenDrops?: number;
  /** SYNs dropped because the SYN queue was full and syncookies are off. */
  tcpReqQFullDrop?: number;
  /** SYNs that met a full SYN queue and are to be answered with a cookie. */
  tcpReqQFullDoCookies?: number;
  syncookiesSent?: number;
  /** ACKs that carried a valid cookie. */
  syncookiesRecv?: number;
  /** ACKs that were taken for an answer to a cookie and were none. */
  syncookiesFailed?: number;
  /** Last ACKs of handshakes that a listener with TCP_DEFER_ACCEPT took no notice of, as no data came with them. */
  tcpDeferAcceptDrop?: number;
  /** SYNs with Fast Open data beyond the listener's Fast Open queue. */
  tcpFastOpenListenOverflow?: number;
  /** Connections of a closed reusePort listener that another one took over, and those that none could. */
  tcpMigrateReqSuccess?: number;
  tcpMigrateReqFailure?: number;
  /** Retransmission timers that ran out, those of SYN-ACKs included. */
  tcpTimeouts?: number;
  /** SYNs and SYN-ACKs sent again. */
  tcpSynRetrans?: number;
  /** Handshakes that listeners have completed: connections that came into an accept queue. */
  passiveOpens?: number;
  activeOpens?: number;
  /** Handshakes that came to nothing, on either side. */
  attemptFails?: number;
  /** Connections that ended with a reset. */
  estabResets?: number;
  /** Resets sent. */
  outRsts?: number;
  /** Connections ESTABLISHED or CLOSE_WAIT now: a gauge, those in accept queues included. */
  currEstab?: number;
  [name: string]: number | undefined;
}

/** Where they stand: of the thread, as /proc/net is that of the process's main thread. */
const TCP = ['/proc/thread-self/net/snmp', 'Tcp: '] as const;
const TCP_EXT = ['/proc/thread-self/net/netstat', 'TcpExt: '] as const;

/**
 * Reads the TCP counters of the network namespace that the calling thread is in. Opens, reads and closes
 * /proc/thread-self/net/snmp and netstat. Does not block. proc_pid_net(5), and
 * Documentation/networking/snmp_counter.rst of the kernel.
 *
 * @throws SystemCallError of open(2) or read(2), with `path`: ENOENT where /proc is not mounted
 */
export function counters(): Counters {
  if (!SUPPORTED) throw platformUnsupported();
  return Object.fromEntries([...readTable(...TCP), ...readTable(...TCP_EXT)]);
}

/** @internal Those of TcpExt, where the listeners' are: half of the work. */
export function listenCounters(): Counters {
  return Object.fromEntries(readTable(...TCP_EXT));
}

/**
 * Subtracts one reading from a later one, name by name. A gauge such as `currEstab` may have fallen. A name that one
 * of the two does not have is left out.
 */
export function counterDifferences(before: Counters, after: Counters = counters()): Counters {
  const [from, to] = [checked(before, 'before'), checked(after, 'after')];
  return Object.fromEntries(
    Object.entries(to).flatMap(([name, value]) => {
      const earlier = from[name];
      return value === undefined || earlier === undefined ? [] : [[name, value - earlier]];
    }),
  );
}

function checked(value: unknown, name: string): Counters {
  for (const [key, count] of Object.entries(object(value, name))) {
    if (count !== undefined && typeof count !== 'number')
      throw invalidArgType(`${name}.${key}`, 'a number', count);
  }
  return value as Counters;
}

function readTable(file: string, label: string): [name: string, value: number][] {
  return parseTable(readFile(file), label);
}

function readFile(file: string): string {
  try {
    return fs.readFileSync(file, 'latin1');
  } catch (error) {
    const { errno, syscall } = error as NodeJS.ErrnoException;
    if (errno === undefined || syscall === undefined) throw error;
    throw new SystemCallError(errno, syscall, { path: file });
  }
}

/** A line of names, and below it one of values. */
function parseTable(text: string, label: string): [name: string, value: number][] {
  const [names = '', values = ''] = text.split('\n').filter((line) => line.startsWith(label));
  const numbers = values.slice(label.length).split(' ').map(Number);
  // A sandbox may have the names and no values.
  return values === ''
    ? []
    : namesIn(names, label)
        .slice(0, numbers.length)
        .map((name, i) => [name, numbers[i] as number]);
}

/** By the line that they stand in, which is the same at each reading. */
const namesByLine = new Map<string, string[]>();

function namesIn(line: string, label: string): string[] {
  const known = namesByLine.get(line);
  if (known !== undefined) return known;
  const names = line.slice(label.length).trimEnd().split(' ').map(lowerFirstWord);
  namesByLine.set(line, names);
  return names;
}

/** A first word is TCP, or else a run of capitals, or else a capital and what follows: TW, PAWSActive, ListenDrops. */
function lowerFirstWord(name: string): string {
  return name.replace(/^(TCP|[A-Z]+(?=[A-Z][a-z]|$)|[A-Z])/, (word) => word.toLowerCase());
}
