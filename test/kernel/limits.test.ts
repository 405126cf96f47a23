import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { spawnSync } from 'node:child_process';
import { limits, type Limits } from 'listenq';
import * as kernel from 'listenq/kernel';
import * as c from 'listenq/syscalls';
import { inChild } from '../support/child';
import { inWorker } from '../support/worker';
import { anyOf, needsRoot, needsTool, privateNetwork, setSysctl, type Skip } from '../support/machine';

const FILES: Record<Exclude<keyof Limits, 'SOMAXCONN'>, string> = {
  somaxconn: 'net.core.somaxconn',
  tcpMaxSynBacklog: 'net.ipv4.tcp_max_syn_backlog',
  tcpAbortOnOverflow: 'net.ipv4.tcp_abort_on_overflow',
  tcpSyncookies: 'net.ipv4.tcp_syncookies',
  tcpSynackRetries: 'net.ipv4.tcp_synack_retries',
  tcpSynRetries: 'net.ipv4.tcp_syn_retries',
  tcpSynLinearTimeouts: 'net.ipv4.tcp_syn_linear_timeouts',
  tcpRtoMaxMs: 'net.ipv4.tcp_rto_max_ms',
  tcpFastopen: 'net.ipv4.tcp_fastopen',
  tcpMigrateReq: 'net.ipv4.tcp_migrate_req',
};

function fileOf(name: string): number | undefined {
  try {
    return Number(readFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, 'utf8'));
  } catch {
    return undefined;
  }
}

function asFiles(): Limits {
  const values = Object.entries(FILES).map(([key, name]) => [key, fileOf(name)]);
  return { SOMAXCONN: c.SOMAXCONN, ...Object.fromEntries(values) } as Limits;
}

// Before this file moves to a namespace of its own.
const outside = { limits: limits(), files: asFiles() };
const alone = privateNetwork();

test('limits: what the files say, in the namespace that the process began in', () => {
  assert.deepEqual(outside.limits, outside.files);
  assert.equal(kernel.limits, limits, 'one function behind both entries');
});

test('limits: what the files say, in a private namespace', { skip: alone }, () => {
  assert.deepEqual(limits(), asFiles());
});

const WRITTEN: [key: keyof typeof FILES, values: number[]][] = [
  ['somaxconn', [0, 1, 4242, 2147483647]],
  ['tcpMaxSynBacklog', [0, 77, 2147483647]],
  ['tcpAbortOnOverflow', [1, 0]],
  ['tcpSyncookies', [0, 2, 1]],
  ['tcpSynackRetries', [1, 5]],
  ['tcpSynRetries', [1, 6]],
  ['tcpSynLinearTimeouts', [0, 4]],
  ['tcpRtoMaxMs', [1000, 120000]],
  ['tcpFastopen', [3, 0x603]],
  ['tcpMigrateReq', [1, 0]],
];

for (const [key, values] of WRITTEN) {
  test(`limits: ${key} follows ${FILES[key]}, at the call`, { skip: alone }, () => {
    const before = limits()[key];
    for (const value of values) {
      setSysctl(FILES[key], value);
      assert.equal(limits()[key], value);
    }
    setSysctl(FILES[key], before as number);
  });
}

test('limits: SOMAXCONN is the constant of the headers, whatever the sysctl says', { skip: alone }, () => {
  setSysctl('net.core.somaxconn', 3);
  assert.equal(limits().SOMAXCONN, c.SOMAXCONN);
  setSysctl('net.core.somaxconn', 4096);
});

test('limits: of the namespace of the calling thread, and not of the process', { skip: alone }, async () => {
  setSysctl('net.core.somaxconn', 1111);
  const other = inWorker((q, _, __, { say }) => {
    const { enterPrivateNetwork } = require('listenq/lab') as typeof import('listenq/lab');
    const { writeFileSync } = require('node:fs') as typeof import('node:fs');
    const inherited = q.limits().somaxconn;
    enterPrivateNetwork();
    const fresh = q.limits().somaxconn;
    writeFileSync('/proc/sys/net/core/somaxconn', '2222');
    const listener = q.listen({ host: '127.0.0.1' });
    say([inherited, fresh === 1111, q.limits().somaxconn, listener.queue().limit]);
    listener.close();
  });
  assert.deepEqual(await other.heard(), [1111, false, 2222, 2222]);
  await other.ended;
  assert.equal(limits().somaxconn, 1111);
  setSysctl('net.core.somaxconn', 4096);
});

function mayUnshare(...flags: string[]): Skip {
  const tried = spawnSync('unshare', [...flags, 'true'], { encoding: 'utf8' });
  return tried.status === 0 ? false : `needs unshare ${flags.join(' ')}: ${tried.stderr.trim()}`;
}

const unshare = needsTool('unshare');

test(
  'limits: a file that is not there is undefined, and the backlog then is SOMAXCONN',
  { skip: anyOf(needsRoot(), unshare, mayUnshare('-m')) },
  () => {
    const hide = 'mount -t tmpfs none /proc/sys/net && exec "$@"';
    const { result } = inChild(
      (q) => {
        const listener = q.listen({ path: '\0listenq-blind' });
        const { backlog } = listener;
        listener.close();
        return {
          keys: Object.keys(q.limits()),
          given: Object.entries(q.limits()).filter(([, value]) => value !== undefined),
          backlog,
        };
      },
      { under: ['unshare', '-m', 'sh', '-c', hide, 'sh'] },
    );
    assert.deepEqual(result.given, [['SOMAXCONN', c.SOMAXCONN]]);
    assert.deepEqual(result.keys, ['SOMAXCONN', ...Object.keys(FILES)]);
    assert.equal(result.backlog, c.SOMAXCONN);
  },
);

for (const [text, value] of [
  ['', undefined],
  ['\n', undefined],
  ['abc\n', undefined],
  ['12\n', 12],
  ['-1\n', -1],
  ['4096 8192\n', 4096],
  ['99999999999999999999999\n', undefined],
] as const) {
  test(
    `limits: a file that says ${JSON.stringify(text)} is ${value}`,
    { skip: anyOf(needsRoot(), unshare, mayUnshare('-m')) },
    () => {
      const place = 'mount -t tmpfs none /proc/sys/net && mkdir /proc/sys/net/core';
      const fill = `printf '%s' "$0" > /proc/sys/net/core/somaxconn && exec "$@"`;
      const { result } = inChild((q) => [q.limits().somaxconn ?? 'undefined'], {
        under: ['unshare', '-m', 'sh', '-c', `${place} && ${fill}`, text],
      });
      assert.deepEqual(result, [value ?? 'undefined']);
    },
  );
}

test(
  'limits: without rights, in a namespace of a user of its own, what can be read there',
  { skip: anyOf(unshare, mayUnshare('-rn')) },
  () => {
    const { result } = inChild(
      (q) => {
        const { readFileSync: read } = require('node:fs') as typeof import('node:fs');
        const fileOrNull = (name: string): number | null => {
          try {
            return Number(read(`/proc/sys/net/${name}`, 'utf8'));
          } catch {
            return null;
          }
        };
        const { somaxconn, tcpMaxSynBacklog, tcpSyncookies } = q.limits();
        return [
          [somaxconn ?? null, fileOrNull('core/somaxconn')],
          [tcpMaxSynBacklog ?? null, fileOrNull('ipv4/tcp_max_syn_backlog')],
          [tcpSyncookies ?? null, fileOrNull('ipv4/tcp_syncookies')],
        ];
      },
      { under: ['unshare', '-rn'] },
    );
    for (const [said, read] of result) assert.equal(said, read);
  },
);

test('limits: leaves no descriptor', () => {
  const { result } = inChild((q) => {
    const fs = require('node:fs') as typeof import('node:fs');
    const before = fs.readdirSync('/proc/self/fd').length;
    for (let i = 0; i < 100; i++) q.limits();
    return fs.readdirSync('/proc/self/fd').length - before;
  });
  assert.equal(result, 0);
});
