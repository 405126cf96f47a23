import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listen } from 'listenq';
import { privateNetwork, setSysctl } from '../support/machine';
import { startExample } from './support/program';

const skip = privateNetwork();
if (skip === false) setSysctl('net.core.somaxconn', 1000);

test(
  'choose-backlog: says how many come, what is in the way, and what the kernel then holds',
  { skip },
  async (t) => {
    const output = await startExample(t, 'choose-backlog.js', [2000, 500]).output();
    const [, backlog] =
      /^listen\(fd, (\d+)\): 1000 clients come in such a pause, on average$/m.exec(output) ?? [];
    assert.ok(Number(backlog) > 1000 && Number(backlog) < 1500, output);
    assert.ok(output.includes(`net.core.somaxconn is 1000: sysctl -w net.core.somaxconn=${backlog}`), output);
    const listener = listen({ host: '127.0.0.1', backlog: Number(backlog), warnIfCapped: false });
    const { limit } = listener.queue();
    listener.close();
    assert.ok(output.includes(`here it holds ${limit}, and ${limit + 1} can wait`), output);
    assert.match(output, /^the next one meets silence, and tries again after 1000, 2000, /m);
    assert.match(output, /^Node's 511 would turn 488 of them away/m);
  },
);
