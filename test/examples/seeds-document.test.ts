import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as listenq from 'listenq';
import * as kernel from 'listenq/kernel';
import * as syscalls from 'listenq/syscalls';
import { ROOT } from '../support/machine';

const text = fs.readFileSync(path.join(ROOT, 'docs', 'seeds.md'), 'utf8');
const others = ['server.md', 'monitoring/balancers.md'].map((name) =>
  fs.readFileSync(path.join(ROOT, 'docs', name), 'utf8'),
);

/** How many features each section of the list has. */
const SECTIONS = {
  'Creating and naming sockets': 18,
  'listen and its queue': 26,
  'accept and the server loop': 13,
  Data: 17,
  Closing: 10,
  'Non-blocking and waiting': 8,
  'Tools in the seeds': 3,
} as const;

/** The rows of the table below a heading, as cells. */
function rowsOf(section: string): string[][] {
  const [, after = ''] = text.split(`\n### ${section}\n`);
  const [body = ''] = after.split(/\n##/);
  const lines = body.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** What stands between backticks and looks like a file of the checkout. */
const files = [...text.matchAll(/`((?:examples|test|docs|src)\/[^`\s]+)`/g)].map(
  ([, file]) => file as string,
);

for (const [section, count] of Object.entries(SECTIONS)) {
  test(`docs/seeds.md: "${section}" has ${count} features, each once and with an answer`, () => {
    const rows = rowsOf(section);
    assert.equal(rows.length, count);
    assert.equal(new Set(rows.map(([feature]) => feature)).size, count);
    for (const row of rows) {
      assert.equal(row.length, 2, row.join('|'));
      assert.ok(
        row.every((cell) => cell.length > 0),
        row.join('|'),
      );
      assert.match(
        row[1] as string,
        /`|not yet|below/,
        'an answer names a call or a file, or says "not yet"',
      );
    }
  });
}

test('docs/seeds.md: has no section of features besides', () => {
  const headings = [...text.matchAll(/^### (.*)$/gm)].map(([, heading]) => heading);
  assert.deepEqual(headings, Object.keys(SECTIONS));
});

test('docs/seeds.md: every file that it names is there', () => {
  assert.ok(files.length > 80);
  for (const file of files.filter((name) => !name.endsWith('/'))) {
    assert.ok(fs.statSync(path.join(ROOT, file)).isFile(), file);
  }
});

test('examples: each is named in docs/seeds.md, docs/server.md or docs/monitoring/balancers.md, and has a test that starts it', () => {
  const tests = fs
    .readdirSync(path.join(ROOT, 'test', 'examples'))
    .filter((name) => name.endsWith('.test.ts'));
  const sources = tests
    .map((name) => fs.readFileSync(path.join(ROOT, 'test', 'examples', name), 'utf8'))
    .join('\n');
  for (const example of fs.readdirSync(path.join(ROOT, 'examples')).filter((name) => name.endsWith('.js'))) {
    const named = [text, ...others].some((document) => document.includes(`examples/${example}`));
    assert.ok(named, `${example} is in none of the documents`);
    const started = sources.includes(`'${example}'`) || sources.includes(`'examples/${example}'`);
    assert.ok(started, `${example} is started by no test`);
  }
});

test('docs/seeds.md: the calls that it names exist', () => {
  const methods = { listener: listenq.Listener.prototype, connection: listenq.Connection.prototype };
  for (const [, owner, name] of text.matchAll(/`(listener|connection)\.(\w+)/g)) {
    assert.ok((name as string) in methods[owner as keyof typeof methods], `${owner}.${name}`);
  }
  for (const [, name] of text.matchAll(/\bsys\.(\w+)/g))
    assert.ok((name as string) in syscalls, `sys.${name}`);
  for (const [, name] of text.matchAll(/`(\w+)\((?=[{)]|threadId)/g)) {
    if (name === 'acceptMany' || name === 'recvExactly' || name === 'queue' || name === 'sendAll') continue; // methods
    assert.ok((name as string) in listenq || (name as string) in kernel, name);
  }
});
