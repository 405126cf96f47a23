import * as assert from 'node:assert/strict';
import { test } from 'node:test';
import { ROOT } from '../support/machine';
import { entries, runIn } from './installation';

/** What isn't a call: classes, whose constructors are private or, as with errors, harmless. */
const CLASSES = new Set([
  'Listener',
  'Connection',
  'AcceptLoop',
  'BlockingServer',
  'SystemCallError',
  'QueueWatch',
]);

interface Call {
  name: string;
  code: string;
}

/** Has the package believe that it runs elsewhere, and calls each function that an entry exports, without arguments. */
function callAll(entry: string, platform: string): Call[] {
  const program = `
    Object.defineProperty(process, 'platform', { value: ${JSON.stringify(platform)} });
    const entry = require(${JSON.stringify(entry)});
    const functions = Object.entries(entry).filter(([, value]) => typeof value === 'function');
    Promise.all(functions.map(async ([name, call]) => {
      try {
        await call();
        return { name, code: 'none: it returned' };
      } catch (error) {
        return { name, code: error.code ?? String(error) };
      }
    })).then((calls) => console.log(JSON.stringify(calls)));`;
  const printed = runIn(ROOT, process.execPath, ['-e', program], { ...process.env, NODE_OPTIONS: '' });
  return (JSON.parse(printed) as Call[]).filter(({ name }) => !CLASSES.has(name));
}

for (const platform of ['darwin', 'win32', 'freebsd']) {
  for (const entry of entries()) {
    test(`${entry} on ${platform}: loads, and each call throws ERR_PLATFORM_UNSUPPORTED`, () => {
      const calls = callAll(entry, platform);
      assert.ok(calls.length > 0);
      assert.deepEqual(
        calls.filter(({ code }) => code !== 'ERR_PLATFORM_UNSUPPORTED'),
        [],
      );
    });
  }
}
