import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { explainBacklog, limits } from 'listenq/kernel';
import type { ReportData } from '../../dist/cli/report/data';
import { anyOf, needsRoot, needsTool, privateNetwork, type Skip } from '../support/machine';
import { MAIN, runCommand } from './command-line';

const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] as const;
// The comparison goes on in the open there: in a network of this test's own.
const skip = anyOf(needsRoot(), needsTool('setpriv'), privateNetwork()) || cannotRead();

function cannotRead(): Skip {
  const [command, ...options] = NOBODY;
  const tried = spawnSync(command, [...options, process.execPath, MAIN, '--version']);
  return tried.status === 0 ? false : 'needs a checkout that other users may read';
}

test(
  'report --json where no private network can be had: the reason in place of the model, and the rest, exit status 0',
  { skip },
  () => {
    const under = [...NOBODY, 'env', 'PATH=/nonexistent'];
    const { stdout, stderr, status } = runCommand(['report', '--quick', '--json'], { under });
    assert.equal(status, 0, stderr);
    const data = JSON.parse(stdout) as ReportData;
    assert.match('why' in data.model ? data.model.why : '', /EPERM.*unshare ENOENT/);
    assert.deepEqual(data.limits, limits());
    for (const explanation of data.explanations) {
      const { tcp, unix } = explainBacklog(explanation.asked);
      assert.deepEqual([explanation.tcp.waiting, explanation.unix.waiting], [tcp.waiting, unix.waiting]);
    }
    assert.ok('measured' in data.comparison && 'measured' in data.queues);
    assert.equal(data.comparison.measured.private, false);
    const zero = data.queues.measured.rows.find(({ way, asked }) => way === 'listenq' && asked === '0');
    assert.deepEqual([zero?.arrived, zero?.filling?.admitted], [0, 1]);
  },
);
