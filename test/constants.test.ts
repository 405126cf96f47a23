import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as syscalls from 'listenq/syscalls';
import { needsTool, ROOT } from './support/machine';
import { runPython } from './support/python';

function namesIn(file: string, pattern: RegExp): string[] {
  const text = readFileSync(path.join(ROOT, file), 'utf8');
  return [...text.matchAll(pattern)].map((match) => match[1] as string);
}

const NATIVE = namesIn('native/binding/constants.cc', /^ {4}C\((\w+)\),$/gm);
const EXPORTED = Object.keys(syscalls).filter((name) => /^[A-Z]/.test(name) && name !== 'SystemCallError');
const values = syscalls as unknown as Record<string, number>;

test('constants: the addon and the TypeScript table hold the same names', () => {
  const table = namesIn('src/constants.ts', /^export const (\w+) = c\('\w+'\);$/gm);
  assert.deepEqual([...table].sort(), [...NATIVE].sort());
  assert.deepEqual([...EXPORTED].sort(), [...NATIVE].sort());
  assert.equal(new Set(NATIVE).size, NATIVE.length, 'a name stands twice');
});

test('constants: each export asks for its own name', () => {
  const pairs = readFileSync(path.join(ROOT, 'src/constants.ts'), 'utf8').matchAll(
    /const (\w+) = c\('(\w+)'\)/g,
  );
  for (const [, name, asked] of pairs) assert.equal(name, asked);
});

test('constants: each is a whole number', () => {
  for (const name of EXPORTED) assert.ok(Number.isInteger(values[name]), `${name} is ${values[name]}`);
});

test('constants: every family that the contract names is there', () => {
  const families = [
    /^AF_/,
    /^SOCK_/,
    /^SOL_/,
    /^SO_/,
    /^IPPROTO_/,
    /^TCP_/,
    /^IPV6_/,
    /^MSG_/,
    /^SHUT_/,
    /^POLL/,
  ];
  for (const family of families)
    assert.ok(
      EXPORTED.some((name) => family.test(name)),
      String(family),
    );
  for (const name of ['RLIMIT_NOFILE', 'SOMAXCONN', 'AF_INET', 'AF_INET6', 'AF_UNIX', 'SOCK_SEQPACKET']) {
    assert.ok(EXPORTED.includes(name), name);
  }
});

test('constants: values are those of python3, where it has the name', { skip: needsTool('python3') }, () => {
  const program = `
import json, resource, select, socket, sys
names = json.loads(sys.argv[1])
found = {}
for name in names:
    for module in (socket, select, resource):
        if hasattr(module, name):
            found[name] = int(getattr(module, name))
print(json.dumps(found))`;
  const found = JSON.parse(runPython(program, JSON.stringify(EXPORTED))) as Record<string, number>;
  assert.ok(Object.keys(found).length > 60, `python3 knows only ${Object.keys(found).length} of the names`);
  const ours = Object.fromEntries(Object.keys(found).map((name) => [name, values[name]]));
  assert.deepEqual(ours, found);
});
