import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import type { ListeningSocket } from 'listenq/kernel';
import { anyOf, privateNetwork, temporaryFolder } from '../support/machine';
import { needsStrace } from '../support/strace';
import { MAIN } from './command-line';
import { filled } from './private-command';

const skip = anyOf(privateNetwork(), needsStrace());

interface Line {
  time: string;
  listeners: ListeningSocket[];
}

test(
  'watch, another listener at each sample: looks for owners once in 5 s, and says so of those not looked for yet',
  { skip },
  async () => {
    const file = path.join(temporaryFolder(), 'trace');
    const strace = ['-f', '-qq', '-o', file, '-e', 'trace=openat', process.execPath, MAIN];
    let last = filled({ backlog: 1 }, 0);
    const child = spawn('strace', [...strace, 'watch', '--json', '--interval', '0.1', '--count', '200'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines: Line[] = [];
    for await (const text of createInterface(child.stdout)) {
      const line = JSON.parse(text) as Line;
      lines.push(line);
      const { ino } = fs.fstatSync(last.listener.fd);
      const seen = line.listeners.find(({ inode }) => inode === ino);
      if (lines.length > 15) {
        if (seen?.processes?.[0]?.pid === process.pid) break;
        if (seen !== undefined) assert.match(seen.why.processes ?? '', /^not looked for yet: /);
        continue;
      }
      last.close();
      last = filled({ backlog: 1 }, 0);
    }
    child.kill();
    await once(child, 'close');
    const walks = fs.readFileSync(file, 'utf8').split('"/proc", O_').length - 1;
    const seconds = (Date.parse(lines.at(-1)?.time ?? '') - Date.parse(lines[0]?.time ?? '')) / 1000;
    assert.ok(walks >= 2, 'the last one was found');
    assert.ok(walks <= 1 + Math.ceil(seconds / 5), `${walks} walks in ${seconds} s`);
    last.close();
  },
);
