import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import {
  acceptLoop,
  type AcceptLoop,
  type AcceptLoopOptions,
  type Listener,
  type ListenOptions,
} from 'listenq';
import * as c from 'listenq/syscalls';
import type { Address } from 'listenq/syscalls';

/** Far above any wait here and far below "for ever". */
const LATE_MS = 10_000;

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Keeps this thread from its event loop. */
export function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** The same on a thread that must not turn its event loop. */
export function blockUntil(holds: () => boolean, what: string): void {
  const end = performance.now() + LATE_MS;
  while (!holds()) {
    assert.ok(performance.now() < end, `it never came to this: ${what}`);
    block(2);
  }
}

/** Runs `use` with a loop, which is closed whatever happens. */
export async function withLoop<T>(
  source: Listener | Listener[] | ListenOptions,
  options: AcceptLoopOptions,
  use: (loop: AcceptLoop) => T | Promise<T>,
): Promise<T> {
  const loop = acceptLoop(source, options);
  try {
    return await use(loop);
  } finally {
    await loop.close();
  }
}

export function listenerOf(loop: AcceptLoop, index = 0): Listener {
  const listener = loop.listeners[index];
  assert.ok(listener, `no listener ${index}`);
  return listener;
}

export function addressOf(loop: AcceptLoop): Address {
  return listenerOf(loop).address();
}

/** How a client's connection stands, read from its own end: bytes that came, then how the stream is. */
export interface Fate {
  text: string;
  then: 'open' | 'end' | 'reset';
}

/** Reads what a raw client gets until its stream ends, or until nothing has come for `patienceMs`. */
export function fateOf(fd: number, patienceMs = LATE_MS): Fate {
  const buffer = Buffer.alloc(65536);
  let text = '';
  for (;;) {
    const [entry] = c.poll([{ fd, events: c.POLLIN, revents: 0 }], patienceMs);
    if (entry === undefined || entry.revents === 0) return { text, then: 'open' };
    try {
      const got = c.recv(fd, buffer);
      if (got === 0) return { text, then: 'end' };
      text += buffer.toString('latin1', 0, got);
    } catch (error) {
      assert.equal((error as { code: string }).code, 'ECONNRESET');
      return { text, then: 'reset' };
    }
  }
}

/** Whether a raw client's stream is open: nothing has come, no end either. */
export function isOpen(fd: number): boolean {
  return fateOf(fd, 0).then === 'open';
}

/** Whether nobody listens at an IPv4 address. */
export function refuses(to: Address): boolean {
  const fd = c.socket(c.AF_INET, c.SOCK_STREAM);
  try {
    c.connect(fd, to);
    return false;
  } catch (error) {
    return (error as { code: string }).code === 'ECONNREFUSED';
  } finally {
    c.close(fd);
  }
}

/** How many threads this process has. */
export function threads(): number {
  return fs.readdirSync('/proc/self/task').length;
}
