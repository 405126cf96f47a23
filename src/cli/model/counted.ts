import type { CounterGrowth } from 'listenq/kernel';
import { readCounters } from '../conformance/counters';
import type { Values } from './verdict';

/** The counters that the model speaks of, and the kernel's names of them. */
const NAMES: Readonly<Record<string, string>> = {
  listenOverflows: 'ListenOverflows',
  listenDrops: 'ListenDrops',
  tcpReqQFullDrop: 'TCPReqQFullDrop',
  tcpReqQFullDoCookies: 'TCPReqQFullDoCookies',
  syncookiesSent: 'SyncookiesSent',
  syncookiesRecv: 'SyncookiesRecv',
  embryonicRsts: 'EmbryonicRsts',
};

/** By how much each counter of the model grows while `act` runs, which may ask for that meanwhile. */
export function counted(act: (grown: () => Values) => void): Values {
  const before = readCounters();
  const grown = (): Values => {
    const after = readCounters();
    const growth = Object.entries(NAMES).map(([name, kernels]) => [
      name,
      (after[kernels] ?? NaN) - (before[kernels] ?? NaN),
    ]);
    return Object.fromEntries(growth) as Values;
  };
  act(grown);
  return grown();
}

/** What the model says of `count` of them. */
export function foretold(growth: CounterGrowth, count: number): Values {
  return Object.fromEntries(Object.keys(NAMES).map((name) => [name, (growth[name] ?? 0) * count]));
}
