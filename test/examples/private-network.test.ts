import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { bringUpLoopback } from 'listenq/lab';
import { anyOf, needsTool, privateNetwork, setSysctl } from '../support/machine';
import { startExample, startPython } from './support/program';

// Sysctls are set and the network is cut: that must not be the machine's own.
const skipPrivate = privateNetwork();
const skipPython = needsTool('python3');
const skip = anyOf(skipPrivate, skipPython, needsTool('ip'));

const SILENT = `s = client(args[0])
print('connected')
sys.stdin.readline()
s.sendall(b'still here')
sys.stdin.readline()`;

test(
  'limits: SOMAXCONN and the sysctl part ways, and the sysctl counts',
  { skip: skipPrivate },
  async (t) => {
    setSysctl('net.core.somaxconn', 128);
    t.after(() => setSysctl('net.core.somaxconn', 4096));
    const output = await startExample(t, 'limits.js', [5, 1000, -1]).output();
    assert.match(output, /^net\.core\.somaxconn is 128$/m);
    assert.match(output, /^SOMAXCONN of the C headers is \d+, which is something else$/m);
    assert.match(output, /^listen\(5\) holds 5; clamped, listen\(5\) holds 5$/m);
    assert.match(output, /^listen\(1000\) holds 128; clamped, listen\(128\) holds 128$/m);
    assert.match(output, /^listen\(-1\) holds 128; clamped, listen\(0\) holds 0$/m);
    assert.match(output, /^as deep as allowed: 128 by SOMAXCONN, 128 by -1, 128 by the sysctl$/m);
    const counted = await startExample(t, 'count-admitted.js', [-1, 1000]).output();
    assert.equal(counted.match(/the kernel's limit is 128, 129 let in$/gm)?.length, 2);
  },
);

test(
  'queue: a sysctl that is changed later counts from the next backlog on',
  { skip: skipPrivate },
  async (t) => {
    setSysctl('net.core.somaxconn', 128);
    t.after(() => setSysctl('net.core.somaxconn', 4096));
    const example = startExample(t, 'queue.js', [0, '127.0.0.1', 1000]);
    await example.line(/^0 waiting, limit 128,/);
    setSysctl('net.core.somaxconn', 512);
    await new Promise((resolve) => setTimeout(resolve, 500));
    example.write('show\n'); // no such command: it says so, and has looked at the queue before
    await example.line(/^accept <n>/);
    example.write('backlog 1000\n');
    await example.line(/^0 waiting, limit 512,/);
    const { stdout } = await example.stop();
    assert.deepEqual(stdout.match(/limit \d+/g), ['limit 128', 'limit 512']);
  },
);

test(
  'count-admitted: with tcp_abort_on_overflow a full queue is silent all the same',
  { skip: skipPrivate },
  async (t) => {
    setSysctl('net.ipv4.tcp_abort_on_overflow', 1);
    t.after(() => setSysctl('net.ipv4.tcp_abort_on_overflow', 0));
    // A reset would be reported as an error; silence is what it counts as not let in.
    const output = await startExample(t, 'count-admitted.js', [1, 5]).output();
    assert.deepEqual(output.match(/\d+ let in/g), ['2 let in', '6 let in']);
  },
);

test(
  'keep-alive: a peer that is silent longer than the probes take stays connected',
  { skip: skipPython },
  async (t) => {
    const example = startExample(t, 'keep-alive.js', [0]);
    const peer = startPython(t, SILENT, await example.port());
    await example.line(/^connected$/);
    await new Promise((resolve) => setTimeout(resolve, 4500));
    peer.write('\n');
    await example.line(/^got: still here$/);
    peer.end('\n');
    await example.line(/^the peer has closed$/);
  },
);

test(
  'keep-alive: a peer behind a network that is cut counts as gone after its probes',
  { skip },
  async (t) => {
    const example = startExample(t, 'keep-alive.js', [0]);
    const peer = startPython(t, SILENT, await example.port());
    await peer.line(/^connected$/);
    await example.line(/^connected$/);
    spawnSync('ip', ['link', 'set', 'lo', 'down']);
    t.after(bringUpLoopback);
    await example.line(/^the peer is gone: ETIMEDOUT$/);
  },
);
