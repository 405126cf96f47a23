import { growth, readCounters } from '../counters';
import * as sys from 'listenq/syscalls';
import { group, type FactBody } from '../fact';
import { eventually, outcome } from '../outcome';
import { bound, connected, countOf, listener, nameOf, queueOf, tcp } from '../sockets';

const NAMES = [
  'ListenOverflows',
  'ListenDrops',
  'TCPReqQFullDrop',
  'TCPReqQFullDoCookies',
  'SyncookiesSent',
  'TCPAbortOnClose',
  'TCPMigrateReqSuccess',
  'TCPFastOpenPassive',
];

const facts: FactBody[] = [
  {
    id: '468',
    title: `counters: ${NAMES.join(', ')} in /proc/net/netstat`,
    expected: 'all there',
    run: () => {
      const counters = readCounters();
      const missing = NAMES.filter((name) => counters[name] === undefined);
      return missing.length === 0 ? 'all there' : `without ${missing.join(', ')}`;
    },
  },
  {
    id: '473',
    title: 'counters: listener closed with 3 connections queued, all reset: TCPAbortOnClose',
    expected: '3 reset; +0',
    needs: ['private network'],
    run: (s) => {
      const fd = listener(s);
      const clients = [0, 1, 2].map(() => connected(s, nameOf(fd)));
      eventually(() => queueOf(fd).waiting === 3);
      const grown = growth(['TCPAbortOnClose'], () => {
        s.closeQuietly(fd);
        eventually(() => countOf(clients, 'CLOSE') === 3);
      });
      return `${countOf(clients, 'CLOSE')} reset; ${grown}`;
    },
  },
  {
    id: '474',
    title: 'counters: a client to a port where nothing listens: OutRsts',
    expected: '+1',
    needs: ['private network'],
    run: (s) => {
      const to = nameOf(bound(s));
      const client = tcp(s);
      return growth(['OutRsts'], () => {
        outcome(() => {
          sys.connect(client, to);
        });
      });
    },
  },
];

export const counterFacts = group('counters', facts);
