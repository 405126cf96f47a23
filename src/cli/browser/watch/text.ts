import { fullness, NEARLY_FULL } from '../../fullness';
import type { QueueRow } from '../../watch/http/messages';

export type Level = 'good' | 'warn' | 'bad';

/** The share of its places that is taken; null if that is not known. */
export function shareOf([, length, limit]: QueueRow): number | null {
  return fullness({ length: length ?? undefined, limit: limit ?? undefined }) ?? null;
}

export function levelOf(share: number | null): Level {
  if ((share ?? 0) >= 1) return 'bad';
  return (share ?? 0) >= NEARLY_FULL ? 'warn' : 'good';
}

/** What the level says without its colour. */
export const WORDS: Readonly<Record<Level, string>> = { good: '', warn: 'nearly full', bad: 'full' };

export function queueText([, length, limit]: QueueRow): string {
  return `${known(length)} of ${known(limit)}`;
}

/** Stands where there is no number to be known. */
export const NOTHING = '–';

export function known(value: number | null): string {
  return value === null ? '?' : String(value);
}

/** A rate a second; nothing where there is none. */
export function rateText(rate: number | null): string {
  if (rate === null) return NOTHING;
  return rate === 0 ? '0' : rate.toFixed(rate < 100 ? 1 : 0);
}

export function percentText(share: number): string {
  return `${Math.round(share * 100)} %`;
}

export function perSecondText(rate: number | null): string {
  return rate === null ? NOTHING : `${rateText(rate)}/s`;
}

/** The time of day, of seconds since 1970. */
export function clockText(seconds: number): string {
  return new Date(seconds * 1000).toTimeString().slice(0, 8);
}

/** A number of an axis in few characters. */
export function shortText(value: number): string {
  if (Math.abs(value) >= 1e6) return `${value / 1e6}M`;
  return Math.abs(value) >= 1e4 ? `${value / 1e3}k` : String(Math.round(value * 100) / 100);
}
