import { SYSCTLS, type Limits } from 'listenq/kernel';
import type { ReportData } from './data';
import type { Figures } from './figure';
import { markup, type Html } from './html';
import { row, type Section } from './section';

const MEANINGS: Readonly<Record<keyof Limits, string>> = {
  SOMAXCONN: 'a number of the C headers that programs pass; the kernel does not know it',
  somaxconn: 'the cap on every backlog, read at listen(2)',
  tcpMaxSynBacklog: 'bounds half-open connections, and only while tcp_syncookies is 0',
  tcpAbortOnOverflow: '1: a client whose last ACK meets a full accept queue is reset',
  tcpSyncookies: '0 never, 1 when the SYN queue is full, 2 always',
  tcpSynackRetries: 'how often the answer to a SYN is sent again',
  tcpSynRetries: 'how often a client here repeats its SYN, at doubling intervals',
  tcpSynLinearTimeouts: 'how many repetitions come at even intervals, besides',
  tcpRtoMaxMs: 'the longest interval between two, in milliseconds',
  tcpFastopen: 'bits; 2 lets listeners use Fast Open',
  tcpMigrateReq: '1: the queue of a closed SO_REUSEPORT listener goes to another one',
};

/** What was looked at, and the limits that hold there. */
export function machineSection({ machine, limits }: ReportData, figures: Figures): Section {
  const { date, kernel, arch, cpu, cpus, memoryBytes, node, libuv, listenq, descriptors } = machine;
  const facts: [string, string | undefined][] = [
    ['Kernel', `${kernel}, ${arch}`],
    ['CPU', `${cpus} × ${cpu ?? 'unnamed'}`],
    ['Memory', `${(memoryBytes / 2 ** 30).toFixed(1)} GiB`],
    ['Node.js', `${node}, libuv ${libuv}`],
    ['listenq', listenq],
    ['Looked at', `${date.slice(0, 16).replace('T', ', ')} UTC`],
  ];
  const keys = Object.keys(MEANINGS) as (keyof Limits)[];
  const limitRows = keys.map((key) =>
    row([key === 'SOMAXCONN' ? 'SOMAXCONN' : SYSCTLS[key], limits[key] ?? 'not there', MEANINGS[key]]),
  );
  const { soft, hard } = descriptors ?? { soft: 'not readable', hard: 'not readable' };
  const descriptorRows = [
    row([
      'RLIMIT_NOFILE, soft',
      limitText(soft),
      'descriptors of one process: at it, accept(2) fails with EMFILE',
    ]),
    row(['RLIMIT_NOFILE, hard', limitText(hard), 'how far a process may raise the soft one itself']),
  ];
  return {
    id: 'machine',
    title: 'The machine and its limits',
    body: markup`${factList(facts)}
    ${figures.table(
      'The limits of this network namespace, as its files under `/proc/sys` say them, and of a process.',
      {
        head: ['limit', 'value', 'what it means'],
        rows: [...limitRows, ...descriptorRows],
        textColumns: [0, 2],
      },
    )}`,
  };
}

function limitText(limit: string | number): string {
  return limit === Infinity ? 'unlimited' : String(limit);
}

function factList(facts: readonly (readonly [string, string | undefined])[]): Html {
  return markup`<dl class="facts">
    ${facts.map(
      ([name, value]) =>
        markup`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}
