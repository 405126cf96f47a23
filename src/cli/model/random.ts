import type { Case, Settings } from './case';
import type { Make } from './cases';

export interface Randomness {
  /** How many combinations. */
  random: number;
  /** Any uint32; the same one gives the same combinations. */
  seed: number;
}

/** Mulberry32: numbers from 0 up to 1, the same for the same seed. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const KINDS = ['accept queue', 'stream', 'seqpacket', 'SYN queue', 'full queue', 'last ACK'] as const;

/** Combinations of all five, each looked at in every way. */
export function randomCases({ random, seed }: Randomness, make: Make): Case[] {
  const next = generator(seed);
  const below = (end: number): number => Math.floor(next() * end);
  /** As often small as large. */
  const size = (most: number): number => below(2 ** (below(Math.log2(most)) + 1));
  return Array.from({ length: random }, () => {
    const backlog = below(8) === 0 ? -1 - size(2 ** 31) : size(1024);
    const settings: Settings = {
      somaxconn: size(1024),
      tcpMaxSynBacklog: below(8) === 0 ? -size(64) : size(2048),
      tcpSyncookies: below(3),
      tcpAbortOnOverflow: below(2),
    };
    return KINDS.map((kind) => make('random combinations', kind, backlog, settings));
  }).flat();
}
