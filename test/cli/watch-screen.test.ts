import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listen } from 'listenq';
import { anyOf, needsTool, privateNetwork } from '../support/machine';
import { closeAll, portOf } from '../support/sockets';
import { MAIN, runCommand } from './command-line';
import { filled, onTerminal } from './private-command';

const skip = privateNetwork();
const terminal = { skip: anyOf(skip, needsTool('python3')) };
const WATCH = [process.execPath, MAIN, 'watch', '--interval', '0.2'];
const ENTERED = '\x1b[?1049h';
const LEFT = '\x1b[?25h\x1b[?1049l';

/** The lines of the last frame that has this in it, without its escape sequences. */
function frameWith(text: string, output: string): string[] {
  const plain = output.split('\x1b[H').map((frame) => frame.replaceAll(/\x1b\[[\d;?]*[a-zA-Z]/g, '')); // eslint-disable-line no-control-regex
  return (plain.findLast((frame) => frame.includes(text)) ?? '').split(/\r+\n/);
}

test('watch on 80 columns: History, accepts, overflows and cookies are all to be seen', terminal, () => {
  const some = [filled({ backlog: 4096 }, 20), filled({ host: '::1', backlog: 511 }, 2)];
  const { output, status } = onTerminal(
    [
      ['q ends', 'size:24x80'],
      ['History', ''],
      ['History', 'q'],
    ],
    WATCH,
  );
  assert.equal(status, 0);
  const lines = frameWith('History', output);
  for (const line of lines) assert.ok(line.length <= 80, line);
  const text = lines.join(' ');
  for (const seen of ['Accepts', 'History', 'overflows', 'drops', 'cookies'])
    assert.ok(text.includes(seen), text);
  assert.match(text, new RegExp(`node ${process.pid}`), 'the number of the owner is not cut');
  assert.match(text, / 20 of 4096 /);
  assert.match(lines[0] ?? '', / 2 listeners /);
  for (const { close } of some) close();
});

test('watch on a terminal that says it has 0 columns and 0 lines: as on one of 80 and 24', terminal, () => {
  const { listener, close } = filled({ backlog: 5 }, 6);
  const { output, status } = onTerminal(
    [
      ['q ends', 'size:0x0'],
      ['6 of 5', ''],
      ['6 of 5', 'q'],
    ],
    WATCH,
  );
  assert.equal(status, 0);
  const [title = '', , ...lines] = frameWith('6 of 5', output);
  assert.match(title, / 1 listener {2}q ends$/);
  assert.ok(lines.some((line) => line.startsWith(`127.0.0.1:${portOf(listener.address())}`)));
  close();
});

test(
  'watch, Ctrl-Z: gives the screen back and stops; continued, it draws again',
  { skip: anyOf(terminal.skip, needsTool('bash')) },
  () => {
    const { close } = filled({ backlog: 5 }, 6);
    const shell = ['bash', '-c', 'set -m; "$@"; echo "shell has it"; fg >/dev/null', 'bash'];
    const { output, status, settings } = onTerminal(
      [
        ['6 of 5', '\x1a'],
        ['shell has it', ''],
        ['6 of 5', 'q'],
      ],
      [...shell, ...WATCH],
    );
    assert.equal(status, 0);
    const [before = '', after = ''] = output.split('shell has it');
    assert.ok(before.includes(LEFT) && !before.slice(before.lastIndexOf(LEFT)).includes(ENTERED));
    assert.ok(after.includes(ENTERED) && after.trimEnd().endsWith(LEFT));
    assert.equal(settings, 'restored');
    close();
  },
);

test('watch: [::] that hears IPv4 too is told from one that does not, and MPTCP is marked', { skip }, () => {
  const both = listen({ host: '::', ipv6Only: false });
  const one = listen({ host: '::', ipv6Only: true });
  const { stdout } = runCommand(['watch', '--once']);
  assert.match(stdout, new RegExp(`^\\*:${portOf(both.address())} `, 'm'));
  assert.match(stdout, new RegExp(`^\\[::\\]:${portOf(one.address())} `, 'm'));
  assert.doesNotMatch(stdout, /mptcp/);
  const mptcp = listen({ host: '127.0.0.1', mptcp: true });
  const marked = new RegExp(`^127\\.0\\.0\\.1:${portOf(mptcp.address())} mptcp `, 'm');
  assert.match(runCommand(['watch', '--once']).stdout, marked);
  closeAll([both, one, mptcp]);
});
