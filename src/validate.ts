import { types } from 'node:util';
import { badPort, invalidArgType, invalidArgValue, outOfRange } from './errors';

const INT32_MIN = -(2 ** 31);
const INT32_MAX = 2 ** 31 - 1;

/** A whole number of the C type int. Nothing is rounded, wrapped or parsed. */
export function int32(value: unknown, name: string): number {
  return integer(value, name, INT32_MIN, INT32_MAX);
}

export function integer(value: unknown, name: string, min: number, max: number = INT32_MAX): number {
  if (typeof value !== 'number') throw invalidArgType(name, 'a number', value);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw outOfRange(name, `a whole number from ${min} to ${max}`, value);
  }
  return value;
}

export function boolean(value: unknown, name: string): boolean {
  if (typeof value !== 'boolean') throw invalidArgType(name, 'a boolean', value);
  return value;
}

export function string(value: unknown, name: string): string {
  if (typeof value !== 'string') throw invalidArgType(name, 'a string', value);
  return value;
}

/** A string that C reads to its end: one with a NUL would name something shorter there. */
export function text(value: unknown, name: string): string {
  const given = string(value, name);
  if (given.includes('\0')) throw invalidArgValue(name, 'must not hold a NUL', given);
  return given;
}

export function object(value: unknown, name: string, expected = 'an object'): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidArgType(name, expected, value);
  }
  return value as Record<string, unknown>;
}

/** Refuses names that the call does not know: a mistyped option must not pass for one that was left out. */
export function noOthers(options: Record<string, unknown>, known: readonly string[], name: string): void {
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined || known.includes(key)) continue;
    throw invalidArgValue(`${name}.${key}`, `is not an option of this call (${known.join(', ')})`, value);
  }
}

export function port(value: unknown, name: string): number {
  if (typeof value !== 'number') throw invalidArgType(name, 'a number', value);
  if (!Number.isInteger(value) || value < 0 || value > 65535) throw badPort(name, value);
  return value;
}

/** Milliseconds, fractions allowed; Infinity is no limit. */
export function milliseconds(value: unknown, name: string): number {
  if (typeof value !== 'number') throw invalidArgType(name, 'a number', value);
  if (!(value >= 0)) throw outOfRange(name, 'a number of milliseconds from 0', value);
  return value;
}

/** The `timeoutMs` of a call's options; undefined if there is none. */
export function timeoutMs(options: unknown): number | undefined {
  if (options === undefined) return undefined;
  const value = object(options, 'options')['timeoutMs'];
  return value === undefined ? undefined : milliseconds(value, 'options.timeoutMs');
}

/** The `timeoutMs` of options that hold nothing else. */
export function waitTime(options: unknown): number | undefined {
  if (options !== undefined) noOthers(object(options, 'options'), ['timeoutMs'], 'options');
  return timeoutMs(options);
}

/** The same memory as bytes. */
export function bytes(
  value: unknown,
  name: string,
  expected = 'a Buffer, TypedArray or DataView',
): Uint8Array {
  if (types.isUint8Array(value)) return value;
  if (!ArrayBuffer.isView(value)) throw invalidArgType(name, expected, value);
  try {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  } catch {
    throw invalidArgValue(name, 'must not be a view of a detached ArrayBuffer', value);
  }
}

/** Memory to receive into, given or of a size; without any, the empty result would look like end of stream. */
export function room(value: unknown, name: string): Buffer {
  if (typeof value === 'number') return Buffer.allocUnsafe(integer(value, 'size', 1));
  const given = bytes(value, name, 'a number of bytes, or a Buffer, TypedArray or DataView');
  integer(given.byteLength, `${name}.byteLength`, 1);
  return Buffer.from(given.buffer, given.byteOffset, given.byteLength);
}

/** Bytes to send; a string is sent as UTF-8. */
export function payload(value: unknown, name: string): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value, 'utf8');
  if (!ArrayBuffer.isView(value))
    throw invalidArgType(name, 'a string, Buffer, TypedArray or DataView', value);
  return bytes(value, name);
}

export function oneOf<T extends string>(value: unknown, name: string, allowed: readonly T[]): T {
  if (typeof value !== 'string') throw invalidArgType(name, 'a string', value);
  const found = allowed.find((item) => item === value);
  if (found === undefined)
    throw invalidArgValue(name, `must be one of ${allowed.map((item) => `'${item}'`).join(', ')}`, value);
  return found;
}

export function array(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw invalidArgType(name, 'an array', value);
  return value;
}

/** What setsockopt(2) gets for a value: a C int, 1 or 0, or bytes. */
export function optionValue(value: unknown): number | Uint8Array {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'number') return int32(value, 'value');
  return bytes(value, 'value');
}
