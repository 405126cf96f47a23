import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { anyOf, needsTool, privateNetwork } from '../support/machine';
import { startExample, startPython } from './support/program';

const skipPython = needsTool('python3');
// The network is cut: that must not be the machine's own.
const skip = anyOf(skipPython, needsTool('ip'), privateNetwork());

const SILENT = `s = client(args[0])
print('connected')
sys.stdin.readline()
s.sendall(b'still here')
sys.stdin.readline()`;

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
    t.after(() => spawnSync('ip', ['link', 'set', 'lo', 'up']));
    await example.line(/^the peer is gone: ETIMEDOUT$/);
  },
);
