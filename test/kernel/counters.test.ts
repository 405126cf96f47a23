import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { listen } from 'listenq';
import { counterDifferences, counters, type Counters } from 'listenq/kernel';
import { inChild } from '../support/child';
import { anyOf, needsRoot, needsTool, privateNetwork, setSysctl } from '../support/machine';
import { runPython } from '../support/python';
import { beginConnects, closeAll } from '../support/sockets';
import { inWorker } from '../support/worker';

const alone = privateNetwork();

/** The names that the doc blocks promise, each with what the kernel calls it. */
const DOCUMENTED: Readonly<Record<string, string>> = {
  listenOverflows: 'TcpExtListenOverflows',
  listenDrops: 'TcpExtListenDrops',
  tcpReqQFullDrop: 'TcpExtTCPReqQFullDrop',
  tcpReqQFullDoCookies: 'TcpExtTCPReqQFullDoCookies',
  syncookiesSent: 'TcpExtSyncookiesSent',
  syncookiesRecv: 'TcpExtSyncookiesRecv',
  syncookiesFailed: 'TcpExtSyncookiesFailed',
  tcpDeferAcceptDrop: 'TcpExtTCPDeferAcceptDrop',
  tcpFastOpenListenOverflow: 'TcpExtTCPFastOpenListenOverflow',
  tcpMigrateReqSuccess: 'TcpExtTCPMigrateReqSuccess',
  tcpMigrateReqFailure: 'TcpExtTCPMigrateReqFailure',
  tcpTimeouts: 'TcpExtTCPTimeouts',
  tcpSynRetrans: 'TcpExtTCPSynRetrans',
  passiveOpens: 'TcpPassiveOpens',
  activeOpens: 'TcpActiveOpens',
  attemptFails: 'TcpAttemptFails',
  estabResets: 'TcpEstabResets',
  outRsts: 'TcpOutRsts',
  // These show that words of capitals alone are told apart from what follows.
  tw: 'TcpExtTW',
  twRecycled: 'TcpExtTWRecycled',
  pawsActive: 'TcpExtPAWSActive',
  tcpOFOQueue: 'TcpExtTCPOFOQueue',
};

/** Refuses SYNs and sends a cookie or two, so that not everything is 0. */
function makeTraffic(): void {
  const listener = listen({ host: '127.0.0.1', backlog: 1 });
  closeAll([...beginConnects(listener.address(), 5), listener]);
  setSysctl('net.ipv4.tcp_syncookies', 2);
  const cookies = listen({ host: '127.0.0.1', backlog: 3 });
  closeAll([...beginConnects(cookies.address(), 2), cookies]);
  setSysctl('net.ipv4.tcp_syncookies', 1);
}

/** By how much the counters move while `act` runs. */
function movedBy(act: () => void): Counters {
  const before = counters();
  act();
  return counterDifferences(before);
}

for (const refused of [0, 1, 2, 7]) {
  test(
    `counters: ${refused} refused SYNs move listenOverflows and listenDrops by ${refused}`,
    { skip: alone },
    () => {
      const listener = listen({ host: '127.0.0.1', backlog: 2 });
      let clients: number[] = [];
      const moved = movedBy(() => {
        clients = beginConnects(listener.address(), 3 + refused);
      });
      assert.equal(moved.listenOverflows, refused);
      assert.equal(moved.listenDrops, refused);
      assert.equal(moved.passiveOpens, 3);
      assert.equal(moved.activeOpens, 3 + refused);
      assert.equal(moved.tcpReqQFullDrop, 0);
      assert.equal(moved.syncookiesSent, 0);
      closeAll([...clients, listener]);
    },
  );
}

test('counters: with tcp_syncookies 2 each SYN moves those of cookies by one', { skip: alone }, () => {
  setSysctl('net.ipv4.tcp_syncookies', 2);
  const listener = listen({ host: '127.0.0.1', backlog: 9 });
  let clients: number[] = [];
  const moved = movedBy(() => {
    clients = beginConnects(listener.address(), 4);
  });
  setSysctl('net.ipv4.tcp_syncookies', 1);
  const { tcpReqQFullDoCookies, syncookiesSent, syncookiesRecv, listenDrops } = moved;
  assert.deepEqual(
    { tcpReqQFullDoCookies, syncookiesSent, syncookiesRecv, listenDrops },
    {
      tcpReqQFullDoCookies: 4,
      syncookiesSent: 4,
      syncookiesRecv: 4,
      listenDrops: 0,
    },
  );
  closeAll([...clients, listener]);
});

test(
  'counters: those of a private namespace begin at 0, whatever happens outside',
  { skip: alone },
  async () => {
    makeTraffic();
    const other = inWorker((_, __, ___, { say }) => {
      const { enterPrivateNetwork } = require('listenq/lab') as typeof import('listenq/lab');
      const kernel = require('listenq/kernel') as typeof import('listenq/kernel');
      const inherited = kernel.counters().listenOverflows;
      enterPrivateNetwork();
      const { listenOverflows, passiveOpens } = kernel.counters();
      say([inherited, listenOverflows, passiveOpens]);
    });
    const here = counters().listenOverflows;
    assert.deepEqual(await other.heard(), [here, 0, 0]);
    await other.ended;
    assert.ok((here ?? 0) > 0);
    assert.equal(counters().listenOverflows, here);
  },
);

test('counters: what nstat shows, each of them', { skip: anyOf(alone, needsTool('nstat')) }, () => {
  makeTraffic();
  const before = counters();
  const { stdout } = spawnSync('nstat', ['-asz', '--json'], { encoding: 'utf8' });
  assert.deepEqual(counters(), before, 'nobody else moves them meanwhile');
  const { kernel } = JSON.parse(stdout) as { kernel: Record<string, number> };
  for (const [ours, theirs] of Object.entries(DOCUMENTED))
    assert.equal(before[ours], kernel[theirs], `${ours} is ${theirs}`);
  const shown = Object.keys(kernel).filter((name) => /^Tcp(Ext)?[A-Z]/.test(name));
  const byLowerCase = new Map(Object.entries(before).map(([name, value]) => [name.toLowerCase(), value]));
  for (const name of shown)
    assert.equal(byLowerCase.get(name.replace(/^Tcp(Ext)?/, '').toLowerCase()), kernel[name], name);
  assert.ok(shown.length > 30);
});

test(
  'counters: all that the two files hold, and nothing else',
  { skip: anyOf(alone, needsTool('python3')) },
  () => {
    makeTraffic();
    const read = runPython(`
import json
found = []
for name, label in (('snmp', 'Tcp:'), ('netstat', 'TcpExt:')):
    names, values = [line.split()[1:] for line in open('/proc/thread-self/net/' + name) if line.startswith(label)]
    found += zip([word.lower() for word in names], map(int, values))
print(json.dumps(found))`);
    const ours = Object.entries(counters()).map(([name, value]) => [name.toLowerCase(), value]);
    assert.deepEqual(ours, JSON.parse(read));
    assert.ok(Object.keys(counters()).every((name) => /^[a-z]/.test(name)));
  },
);

test('counters: currEstab falls again when connections go', { skip: alone }, () => {
  const listener = listen({ host: '127.0.0.1', backlog: 9 });
  const clients = beginConnects(listener.address(), 3);
  const moved = movedBy(() => {
    closeAll([...clients, listener]);
  });
  assert.equal(moved.currEstab, -6, 'three, at both ends');
});

test('counterDifferences: what only one reading has is left out', () => {
  assert.deepEqual(counterDifferences({ listenDrops: 3, tw: 1 }, { listenDrops: 10, passiveOpens: 4 }), {
    listenDrops: 7,
  });
});

test('counterDifferences: refuses what is no reading', () => {
  const wrong: [unknown, unknown, RegExp][] = [
    [undefined, {}, /^before must be an object/],
    [null, {}, /^before must be an object/],
    [{}, 7, /^after must be an object/],
    [{ listenDrops: '3' }, {}, /^before\.listenDrops must be a number. Received type string \('3'\)/],
    [{}, { listenDrops: null }, /^after\.listenDrops must be a number. Received null/],
  ];
  for (const [before, after, message] of wrong) {
    assert.throws(() => counterDifferences(before as Counters, after as Counters), {
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_TYPE',
      message,
    });
  }
});

const mayUnshare = spawnSync('unshare', ['-m', 'true']).status === 0 ? false : 'needs unshare -m';

/** What `counters()` does in a mount namespace of its own, prepared by `shell`. */
function countersUnder(shell: string): { given?: number; error?: Record<string, unknown> } {
  return inChild(
    (_, __, command: string) => {
      // Not before it: a sanitizer's runtime wants /proc when the process starts.
      (require('node:child_process') as typeof import('node:child_process')).execFileSync('sh', [
        '-c',
        command,
      ]);
      const kernel = require('listenq/kernel') as typeof import('listenq/kernel');
      try {
        return { given: Object.keys(kernel.counters()).length };
      } catch (error) {
        const { name, code, errno, syscall, path, message } = error as NodeJS.ErrnoException;
        return { error: { name, code, errno, syscall, path, message } };
      }
    },
    { under: ['unshare', '-m'], data: shell },
  ).result;
}

test(
  'counters: without /proc, ENOENT of open that names the file',
  { skip: anyOf(needsRoot(), mayUnshare) },
  () => {
    assert.deepEqual(countersUnder('umount -l /proc'), {
      error: {
        name: 'SystemCallError',
        code: 'ENOENT',
        errno: -2,
        syscall: 'open',
        path: '/proc/thread-self/net/snmp',
        message: 'open ENOENT: no such file or directory /proc/thread-self/net/snmp (is /proc mounted?)',
      },
    });
  },
);

test('counters: leaves no descriptor', () => {
  const { result } = inChild(() => {
    const kernel = require('listenq/kernel') as typeof import('listenq/kernel');
    const fs = require('node:fs') as typeof import('node:fs');
    const before = fs.readdirSync('/proc/self/fd').length;
    for (let i = 0; i < 100; i++) kernel.counters();
    return fs.readdirSync('/proc/self/fd').length - before;
  });
  assert.equal(result, 0);
});
