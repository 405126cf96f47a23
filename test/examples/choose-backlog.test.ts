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
    const [, backlog] = /^listen\(fd, (\d+)\)$/m.exec(output) ?? [];
    assert.match(output, /^- In 500 ms at 2000 arrivals a second, 1000 clients would come on average\.$/m);
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

test("choose-backlog 10000 5000: the number that Node's default refuses is the same wherever it is said", async (t) => {
  const output = await startExample(t, 'choose-backlog.js', [10000, 5000]).output();
  const [, refused] = /would turn (\d+) of them away/.exec(output) ?? [];
  assert.ok(output.includes(` ${refused} clients would find no room.`), output);
});

test('choose-backlog abc: one line on stderr, exit status 2', async (t) => {
  const { code, stdout, stderr } = await startExample(t, 'choose-backlog.js', ['abc']).ended();
  assert.match(stderr, /^choose-backlog: [^\n]+\n$/);
  assert.deepEqual([stdout, code], ['', 2]);
});
