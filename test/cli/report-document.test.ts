import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainBacklog, limits } from 'listenq/kernel';
import { reportDocument } from '../../dist/cli/report/document';
import type { ModelCase, ReportData } from '../../dist/cli/report/data';
import { machineFacts } from '../../dist/cli/report/machine';
import { rowsOf, textOf } from './report-html';

const HOSTILE = `</script><script>alert(1)</script><img src=x onerror='alert(2)'>"&`;
const ASSETS = { script: 'const end = "</script>";', style: 'p { color: red }', licences: 'none' };

function dataOf(parts: Partial<ReportData>): ReportData {
  const why = 'it was refused';
  return {
    machine: machineFacts(),
    limits: limits(),
    explanations: [0, 511, -1].map((backlog) => explainBacklog(backlog)),
    queues: { why },
    comparison: { why },
    model: { why },
    ...parts,
  };
}

test('reportDocument: what could not be measured stands there with the reason, and the rest all the same', () => {
  const page = reportDocument(dataOf({}), ASSETS);
  assert.equal(textOf(page).match(/Not measured\. it was refused/g)?.length, 3);
  assert.equal(rowsOf(page, 'backlog').get('0')?.[1], '1');
  assert.equal(rowsOf(page, 'limit').get('net.core.somaxconn')?.[0], String(limits().somaxconn));
});

test('reportDocument: names and reasons that hold markup are text', () => {
  const machine = { ...machineFacts(), cpu: HOSTILE, node: HOSTILE };
  const page = reportDocument(dataOf({ machine, queues: { why: HOSTILE }, model: failing() }), ASSETS);
  assert.ok(!page.includes('<img'));
  assert.equal(page.match(/<script/g)?.length, 2);
  assert.equal(page.match(/<\/script/g)?.length, 2);
  assert.ok(page.includes('&lt;img src=x onerror=&#39;alert(2)&#39;&gt;&quot;&amp;'));
});

test('reportDocument: a script that would end its element is written so that it does not', () => {
  const page = reportDocument(dataOf({}), ASSETS);
  assert.ok(page.includes('const end = "\\x3c/script>";'));
});

test('reportDocument: a prediction that failed is named, with what was predicted and found', () => {
  const page = reportDocument(dataOf({ model: failing() }), ASSETS);
  const text = textOf(page);
  assert.match(text, /1 of 2 failed\. That is a bug in the model/);
  assert.match(text, /1 not run\. no room/);
  assert.deepEqual(rowsOf(page, 'combination').size, 1);
  assert.match([...rowsOf(page, 'combination').values()].flat().join(), /waiting: predicted 6, found 7/);
});

/** One combination that failed, under a hostile name, and one that was not run. */
function failing(): ReportData['model'] {
  const one = {
    group: 'accept queue',
    kind: 'accept queue',
    backlog: 5,
    settings: {},
    fillUpTo: 2000,
  } as const;
  const cases: ModelCase[] = [
    { ...one, title: HOSTILE, verdict: 'failed', predicted: { waiting: 6 }, found: { waiting: 7 } },
    { ...one, title: 'accept queue: backlog 5', verdict: 'not run', reason: 'no room' },
  ];
  const summary = { predicted: 2, held: 0, failed: 1, notRun: 1 };
  return {
    measured: { network: 'private', quick: true, random: 0, seed: 1, seconds: 1, summary, cases },
  };
}
