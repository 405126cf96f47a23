import assert from 'node:assert/strict';
import { readFileSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { bringUpLoopback } from 'listenq/lab';
import { connect, listen } from 'listenq';
import { inChild } from '../support/child';
import { needsRoot, privateNetwork } from '../support/machine';
import { portOf } from '../support/sockets';

const outside = readlinkSync('/proc/thread-self/ns/net');
const skip = privateNetwork();

test('enterPrivateNetwork: another namespace, with nothing but a loopback that is up', { skip }, () => {
  assert.notEqual(readlinkSync('/proc/thread-self/ns/net'), outside);
  const names = readFileSync('/proc/thread-self/net/dev', 'utf8').matchAll(/^\s*(\w+):/gm);
  assert.ok([...names].map((match) => match[1]).includes('lo'));
  for (const host of ['127.0.0.1', '::1']) {
    const listener = listen({ host });
    connect({ host, port: portOf(listener.address()), timeoutMs: 5000 }).close();
    listener.close();
  }
  bringUpLoopback();
});

test('enterPrivateNetwork: EPERM without the capability', { skip: needsRoot() }, () => {
  const { result } = inChild(() => {
    const lab = require('listenq/lab') as typeof import('listenq/lab');
    process.setuid?.(65534);
    return [lab.enterPrivateNetwork, lab.bringUpLoopback].map((call) => {
      try {
        call();
        return 'done';
      } catch (error) {
        const { code, errno, syscall, name } = error as NodeJS.ErrnoException;
        return [name, code, errno, syscall];
      }
    });
  });
  const [enter] = result;
  assert.deepEqual(enter, ['SystemCallError', 'EPERM', -1, 'unshare']);
});
